// The health of tools in a real D1: what one isolate met is seen by another, little is written, and a database that is
// down costs nothing but the knowledge.

import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { createToolHealthLog } from "../../src/store/tool-health.ts";
import { migrate } from "../support/migrate.ts";
import { loseTable } from "../support/session-stores.ts";

const time = { nowMs: 0 };
const warnings: string[] = [];
const newLog = () =>
  createToolHealthLog(
    env.DB,
    () => time.nowMs,
    (message) => warnings.push(message),
  );

beforeAll(() => migrate(env.DB));
beforeEach(async () => {
  await env.DB.exec("DELETE FROM tool_health");
  time.nowMs = 0;
  warnings.length = 0;
});

const at = (ms: number) => new Date(ms).toISOString();

test("what one isolate met another one reads", async () => {
  await newLog().note("web_search", "access_denied");
  await newLog().note("google_search", null);
  expect(await newLog().read()).toEqual(
    new Map([
      ["google_search", { state: "ok", code: null, checked_at: at(0) }],
      ["web_search", { state: "failing", code: "access_denied", checked_at: at(0) }],
    ]),
  );
});

test("what changes with every call is written every five seconds", async () => {
  const log = newLog();
  const seen = async () => (await log.read()).get("web_search");
  await log.note("web_search", null);
  time.nowMs = 4_999;
  await log.note("web_search", "timeout");
  expect(await seen()).toEqual({ state: "ok", code: null, checked_at: at(0) });
  time.nowMs = 5_000;
  await log.note("web_search", "timeout");
  expect(await seen()).toEqual({ state: "failing", code: "timeout", checked_at: at(5_000) });
});

test("a change is written, the same again once a minute", async () => {
  const log = newLog();
  const seen = async () => (await log.read()).get("web_search");
  await log.note("web_search", null);
  time.nowMs = 59_999;
  await log.note("web_search", null);
  expect(await seen()).toEqual({ state: "ok", code: null, checked_at: at(0) });
  await log.note("web_search", "timeout");
  expect(await seen()).toEqual({ state: "failing", code: "timeout", checked_at: at(59_999) });
  time.nowMs += 60_000;
  await log.note("web_search", "timeout");
  expect(await seen()).toEqual({ state: "failing", code: "timeout", checked_at: at(119_999) });
});

test("without its database nothing is known, and nothing fails", async () => {
  await loseTable("tool_health");
  const log = newLog();
  await log.note("web_search", null);
  expect(await log.read()).toEqual(new Map());
  expect(warnings).toHaveLength(2);
});
