import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { problemTypes } from "../../src/http/problem.ts";
import { allRoutes } from "../../src/http/routes/all-routes.ts";
import { ListRunsQuery, pageOf, RunSummary, ServiceInfo } from "../../src/http/wire.ts";
import { createLedger } from "../../src/store/ledger.ts";
import { noRollout } from "../../src/store/ledger-row.ts";
import { migrate } from "../support/migrate.ts";
import { createWorld } from "../support/http-services.ts";

const page = async (path: string, world = createWorld()) => {
  const reply = await world.get(path);
  return { reply, text: await reply.text() };
};

describe("the pages", () => {
  test.each(["/", "/docs"])("%s needs nothing from elsewhere and runs nothing that is not its own", async (path) => {
    const { reply, text } = await page(path);
    const policy = reply.headers.get("content-security-policy") ?? "";
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? "none";
    expect(reply.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(text).not.toMatch(/https?:\/\//);
    expect(text).not.toMatch(/ on[a-z]+=|javascript:/i);
    for (const tag of text.match(/<(script|style)[^>]*>/g) ?? []) {
      expect(tag).toContain(`nonce="${nonce}"`);
    }
    expect((await page(path)).reply.headers.get("content-security-policy")).toBe(policy);
    const world = createWorld();
    const policies = [await page(path, world), await page(path, world)].map(({ reply: { headers } }) =>
      headers.get("content-security-policy"),
    );
    expect(policies[0]).not.toBe(policies[1]);
  });

  test("the home page asks for a key only where one is needed", async () => {
    expect((await page("/")).text).not.toContain('id="key"');
    expect((await page("/", createWorld({ keyed: true }))).text).toContain('id="key"');
  });

  test("the reference names every operation, scope and error code", async () => {
    const { text } = await page("/docs");
    for (const route of allRoutes) {
      expect(text).toContain(`id="${route.id}"`);
    }
    for (const code of Object.keys(problemTypes)) {
      expect(text).toContain(`id="problem-${code}"`);
    }
    expect(text).toContain("scope datasets");
    expect(text).not.toContain("[object Object]");
    expect(text).not.toContain("undefined");
  });
});

describe("the OpenAPI document", () => {
  const Document = z.looseObject({
    openapi: z.string(),
    paths: z.record(z.string(), z.record(z.string(), z.looseObject({ responses: z.record(z.string(), z.unknown()) }))),
    components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
  });

  test("lists every route and no other", async () => {
    const document = Document.parse(JSON.parse((await page("/openapi.json")).text));
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((m) => `${m} ${path}`),
    );
    expect(document.openapi).toBe("3.1.0");
    expect(listed.toSorted()).toEqual(allRoutes.map((route) => `${route.method} ${route.path}`).toSorted());
  });

  test("has no reference into nothing", async () => {
    const { text } = await page("/openapi.json");
    const document = Document.parse(JSON.parse(text));
    const names = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name ?? "");
    expect(new Set(names)).toEqual(new Set(Object.keys(document.components.schemas)));
  });
});

describe("health", () => {
  test("/readyz asks each store, and 503 says which one failed", async () => {
    const world = createWorld();
    expect(await (await world.get("/readyz")).json()).toEqual({ status: "ok", checks: { d1: "ok", r2: "ok" } });
    Object.assign(world.services.probes, { r2: () => Promise.reject(new Error("down")) });
    const reply = await world.get("/readyz");
    expect(reply.status).toBe(503);
    expect(await reply.json()).toEqual({ status: "unavailable", checks: { d1: "ok", r2: "failed" } });
  });

  test("/readyz does not wait longer than two seconds for a store", async () => {
    const world = createWorld();
    Object.assign(world.services.probes, { d1: () => new Promise(() => undefined) });
    const pending = world.get("/readyz");
    await world.clock.advance(0);
    await world.clock.advance(2000);
    expect(await (await pending).json()).toEqual({ status: "unavailable", checks: { d1: "failed", r2: "ok" } });
  });

  test("/healthz touches nothing", async () => {
    const world = createWorld({ keyed: true });
    Object.assign(world.services.probes, { d1: () => Promise.reject(new Error("down")) });
    expect(await (await world.get("/healthz")).json()).toEqual({ status: "ok" });
  });
});

describe("what the service says of itself", () => {
  test("is in /v1/info", async () => {
    const info = ServiceInfo.parse(JSON.parse((await page("/v1/info")).text));
    expect(info).toMatchObject({
      version: "0.0.0-test",
      policy_version: "offline-0",
      limits: {
        defaults: { max_turns: 10 },
        maximum: { max_turns: 20, max_seconds: 3600 },
        max_query_characters: 32_768,
      },
      tools: ["base_generator", "python_coder"],
    });
  });

  test("the catalogue has each tool with its schema", async () => {
    expect(JSON.parse((await page("/v1/tools")).text)).toMatchObject({
      data: [{ name: "base_generator" }, { name: "python_coder", parameters: { type: "object" }, repeat: "safe" }],
      has_more: false,
      next_cursor: null,
    });
  });
});

describe("the list of runs, over D1", () => {
  beforeAll(() => migrate(env.DB));

  const Page = pageOf(RunSummary);

  async function seeded(tenant: string) {
    const ledger = createLedger(env.DB);
    for (const ordinal of [1, 2, 3]) {
      await ledger.recordCreated({
        run_id: `run_${tenant}_${ordinal}`,
        tenant,
        session_id: "ses_a",
        query: `q${ordinal}`,
        created_at: `2026-11-22T10:00:0${ordinal}.000Z`,
        max_seconds: 300,
        policy_version: "offline-0",
        ...noRollout,
      });
    }
    return createWorld({ ledger });
  }

  test("is paged with an opaque cursor, newest first", async () => {
    const world = await seeded("local");
    const first = Page.parse(await (await world.get("/v1/runs?limit=2")).json());
    expect(first.data.map((run) => run.id)).toEqual(["run_local_3", "run_local_2"]);
    expect(first.data[0]).toMatchObject({ status: "running", usage: null, turns: null, ended_at: null });
    const cursor = encodeURIComponent(first.next_cursor ?? "");
    const second = Page.parse(await (await world.get(`/v1/runs?limit=2&cursor=${cursor}`)).json());
    expect(second).toMatchObject({ data: [{ id: "run_local_1" }], has_more: false, next_cursor: null });
  });

  test("takes its limit from 1 to 100", () => {
    expect(ListRunsQuery.parse({ limit: "100" }).limit).toBe(100);
    for (const limit of ["0", "101", "1.5", " 5", "1e1", "0x5"]) {
      expect(ListRunsQuery.safeParse({ limit }).success).toBe(false);
    }
  });
});
