// Kept results of tools in a real D1: by tenant and key, the first one stays, age and erasure remove them, and a
// database that is down costs nothing but the saving.

import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { createToolResultStore, type ToolResultStore } from "../../src/store/tool-results.ts";
import { migrate } from "../support/migrate.ts";

const day = 86_400_000;
const runId = `run_${"0".repeat(26)}_0001`;
const call = { tool: "web_read", runId };
const kept = { result: { text: "opened in 1931" }, cut: false, produced_by: "county.example" };

const world: { nowMs: number; warnings: string[]; store: ToolResultStore } = {
  nowMs: 0,
  warnings: [],
  store: createToolResultStore(
    env.DB,
    () => world.nowMs,
    (message) => world.warnings.push(message),
  ),
};

beforeAll(() => migrate(env.DB));
beforeEach(async () => {
  await env.DB.exec("DELETE FROM tool_results");
  world.nowMs = 100 * day;
  world.warnings = [];
});

test("a result is found by its own tenant alone", async () => {
  await world.store.of("acme").keep("k1", kept, call);
  expect(await world.store.of("acme").find("k1")).toEqual(kept);
  expect(await world.store.of("acme").find("k2")).toBeNull();
  expect(await world.store.of("beta").find("k1")).toBeNull();
});

test("the first result stays until it is a month old", async () => {
  const acme = world.store.of("acme");
  await acme.keep("k1", kept, call);
  world.nowMs += 30 * day - 1;
  await acme.keep("k1", { ...kept, result: "another" }, call);
  expect(await acme.find("k1")).toEqual(kept);
  world.nowMs += 1;
  expect(await acme.find("k1")).toBeNull();
  await acme.keep("k1", { ...kept, result: "another" }, call);
  expect(await acme.find("k1")).toEqual({ ...kept, result: "another" });
});

test("what is old is swept, and what is young stays", async () => {
  await world.store.of("acme").keep("old", kept, call);
  world.nowMs += 20 * day;
  await world.store.of("acme").keep("young", kept, call);
  world.nowMs += 10 * day;
  await world.store.sweep(world.nowMs);
  expect(await env.DB.prepare("SELECT result_key FROM tool_results").raw()).toEqual([["young"]]);
});

test("the erasure of a session takes the results of its runs along", async () => {
  await world.store.of("acme").keep("k1", kept, call);
  await world.store.eraseSession("beta", `ses_${"0".repeat(26)}`);
  expect(await world.store.of("acme").find("k1")).toEqual(kept);
  await world.store.eraseSession("acme", `ses_${"0".repeat(26)}`);
  expect(await world.store.of("acme").find("k1")).toBeNull();
});

test("a row of another version counts as none", async () => {
  await env.DB.prepare("INSERT INTO tool_results VALUES ('acme', 'k1', 't', 's', '{\"v\":2}', ?1)")
    .bind(new Date(world.nowMs).toISOString())
    .run();
  expect(await world.store.of("acme").find("k1")).toBeNull();
});

test("without its table nothing is found, nothing fails, and the log says so", async () => {
  await env.DB.exec("ALTER TABLE tool_results RENAME TO away");
  expect(await world.store.of("acme").find("k1")).toBeNull();
  await world.store.of("acme").keep("k1", kept, call);
  await env.DB.exec("ALTER TABLE away RENAME TO tool_results");
  expect(world.warnings).toHaveLength(2);
});
