// Requests made from the OpenAPI document itself: nearly right, slightly wrong and rubbish, on every operation.
// Whatever they are, no reply is a 500, and every 4xx is a problem document with a code.

import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { RunObject } from "../../src/agent/run-object.ts";
import { untrainedWeights } from "../../src/engines/offline/policy/weights.ts";
import { createOpenApiDocument } from "../../src/http/openapi.ts";
import { createMcpServerStore } from "../../src/store/mcp-servers.ts";
import { createLedger } from "../../src/store/ledger.ts";
import { createDatasetFiles } from "../../src/store/dataset-files.ts";
import { createDatasetStore } from "../../src/store/datasets.ts";
import { createRewardStore } from "../../src/store/rewards.ts";
import type { TrainingServices } from "../support/empty-training.ts";
import { exported, exportStore } from "../support/export-object.ts";
import { migrate } from "../support/migrate.ts";
import { seedGroup, workedExample } from "../support/training-fixtures.ts";
import { endedBatchId, endedGroupId } from "../support/ended-batch.ts";
import { createWorld, startMs, type TestWorld } from "../support/http-services.ts";
import { readProblem } from "../support/problems.ts";
import { realMcpServers } from "../support/real-mcp-servers.ts";
import { realPolicies } from "../support/real-policies.ts";
import { arbitraryOf } from "../support/schema-arbitrary.ts";

const runsPerOperation = 150;
/**
 * Requests go on being drawn, in rounds of so many, until one got through. Of 1,500 requests to each operation 4 % did
 * at least (`PUT /v1/policies/{version}`; 5 % to `POST /v1/rollouts`). 20 rounds without any have a chance of
 * 0.96^3000, and still of 1e-13 an operation should a change of the API leave 1 %.
 */
const maxRounds = 20;

const Operation = z.object({
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.enum(["path", "query", "header"]),
        required: z.boolean().default(false),
        schema: z.unknown(),
      }),
    )
    .default([]),
  requestBody: z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })) }).optional(),
  responses: z.record(z.string(), z.unknown()),
});
type Operation = z.infer<typeof Operation>;

const document = createOpenApiDocument("0.0.0");
const { paths } = z.object({ paths: z.record(z.string(), z.record(z.string(), Operation)) }).parse(document);
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method,
    path,
    operation,
  })),
);

const printable = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
const anyText = fc.oneof(
  printable,
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "0", "-1", "null", "../..", "%", "\u0000"),
);

interface Sent {
  readonly ids: number;
  readonly parameters: Record<string, string | undefined>;
  readonly headers: Record<string, string | undefined>;
  readonly body: string | null;
}

/** A header's value as it can be sent at all. */
const headerText = fc.oneof(printable, fc.nat().map(String)).map((text) => text.trim());

const someHeaders = fc.record(
  {
    accept: fc.constantFrom(
      "*/*",
      "text/event-stream",
      "application/json",
      "application/json, text/event-stream;q=0.1",
    ),
    "content-type": fc.constantFrom("application/json", "text/plain", "application/json; charset=utf-16", ""),
    "content-encoding": fc.constantFrom("gzip", "identity"),
    prefer: fc.constantFrom("respond-async", "wait=1", ""),
    "idempotency-key": headerText,
    "last-event-id": headerText,
    "x-request-id": headerText,
    authorization: headerText,
  },
  { requiredKeys: [] },
);

/** A run of the ledger that has ended and may still be given its reward. */
const fedRunId = "run_00000000000000000000000001_0001";

/** Names that exist in the target; everything else of a body comes from its schema. */
const hints = {
  query: fc.string({ minLength: 1, maxLength: 20 }),
  tools: fc.subarray(["python_coder", "Base Generator"], { minLength: 1 }),
  policy: fc.constant("offline-0"),
  session_id: fc.constant("ses_00000000000000000000000000"),
  // With answers, where both are there; `external` stands alone.
  reward: fc.constantFrom({ kind: "exact" }, { kind: "f1" }, { kind: "external" }),
  answers: fc.array(fc.constantFrom("42", "six times seven"), { minLength: 1, maxLength: 3 }),
  // Of a task, unique in its batch.
  id: fc.uuid(),
  base_url: fc.constantFrom("https://model.example.com/v1", "http://127.0.0.1/v1"),
  url: fc.constantFrom("https://mcp.example.com/mcp", "http://127.0.0.1/mcp"),
  secret: fc.constant("TENANT_SECRET_NONE"),
  header: fc.constantFrom("x-api-key", "authorization"),
  weights: fc.constant(untrainedWeights("v1")),
  datasets: fc.constant([]),
  run_id: fc.constant(fedRunId),
  batch_id: fc.constant(endedBatchId),
  advantage_spec: fc.constantFrom("grpo/turn/std=n/eps=0", "grpo/trajectory/std=none/eps=0"),
};

function bodyOf(operation: Operation): fc.Arbitrary<string | null> {
  const schema = operation.requestBody?.content["application/json"]?.schema;
  const rubbish = fc.oneof(fc.json({ maxDepth: 3 }), anyText, fc.constant(null));
  if (schema === undefined) {
    return rubbish;
  }
  const like = arbitraryOf(schema, document, hints).map((value) => JSON.stringify(value));
  return fc.oneof({ weight: 6, arbitrary: like }, { weight: 1, arbitrary: rubbish });
}

function likeParameter(schema: Operation["parameters"][number]["schema"]): fc.Arbitrary<string> {
  return arbitraryOf(schema, document).map(String);
}

function requestOf(operation: Operation): fc.Arbitrary<Sent> {
  const query = operation.parameters.filter((parameter) => parameter.in === "query");
  const values = Object.fromEntries(
    query.map(({ name, schema }) => [
      name,
      fc.oneof(
        { weight: 3, arbitrary: name === "batch_id" ? fc.constant(endedBatchId) : likeParameter(schema) },
        { weight: 1, arbitrary: anyText },
      ),
    ]),
  );
  const required = query.filter((parameter) => parameter.required).map((parameter) => parameter.name);
  const without = fc.record(values, { requiredKeys: [] });
  return fc.record({
    ids: fc.nat({ max: 5 }),
    // None but the required ones in a third of the requests: some may not stand beside a body.
    parameters: fc.oneof(
      fc.record(Object.fromEntries(required.map((name) => [name, values[name] ?? anyText]))),
      fc.record(values, { requiredKeys: required }),
      without,
    ),
    headers: fc.oneof(fc.constant({ "content-type": "application/json" }), someHeaders),
    body: bodyOf(operation),
  });
}

function knownId(path: string, run: RunObject): string {
  if (path.includes("/datasets/") || path.includes("/exports/")) {
    return path.includes("/datasets/") ? made.datasetId : made.exportId;
  }
  if (path.includes("/sessions/")) {
    return run.session_id;
  }
  if (path.includes("/rollouts/")) {
    return endedBatchId;
  }
  return path.includes("/groups/") ? endedGroupId : run.id;
}

/** Ids that exist, that could and that cannot. */
function idOf(path: string, choice: number, run: RunObject): string {
  const known = knownId(path, run);
  const ids = [
    known,
    known,
    "run_00000000000000000000000000_0001",
    "ses_00000000000000000000000000",
    "%F0%9F",
    `${known}%00`,
  ];
  return ids[choice] ?? known;
}

function nameOf(path: string, choice: number): string {
  const known = path.includes("/mcp-servers/") ? mcpServer : "python_coder";
  return choice < 3 ? known : "none";
}

function pathOf(path: string, choice: number, run: RunObject): string {
  const versions = ["offline-0", "v1", "planner-2", "none", "%F0%9F", "-"];
  const files = ["manifest.json", "groups-00000.parquet", "README.md", "other", "%F0%9F", "-"];
  return path
    .replace("{id}", idOf(path, choice, run))
    .replace("{version}", versions[choice] ?? "v1")
    .replace("{name}", nameOf(path, choice))
    .replace("{path}", files[choice] ?? "other")
    .replace("{view}", choice === 3 ? "other" : "jsonl");
}

async function send(world: TestWorld, method: string, path: string, run: RunObject, sent: Sent): Promise<Response> {
  const url = new URL(`http://localhost:8787${pathOf(path, sent.ids, run)}`);
  for (const [name, value] of Object.entries(sent.parameters)) {
    url.searchParams.append(name, value ?? "");
  }
  const hasBody = method !== "get" && sent.body !== null;
  const headers = new Headers();
  for (const [name, value] of Object.entries(sent.headers)) {
    if (value !== undefined && value !== "") {
      headers.set(name, value);
    }
  }
  return world.app.request(url.href, {
    method: method.toUpperCase(),
    headers,
    ...(hasBody ? { body: sent.body } : {}),
  });
}

/** A world with a finished run, so that ids find something. */
async function createTarget() {
  // Requests remove it.
  const at = new Date(startMs).toISOString();
  const registration = { url: "https://mcp.example.com/mcp", timeout_seconds: 60 };
  await createMcpServerStore(env.DB).put({ tenant: "local", name: mcpServer, registration, at, maxServers: 16 });
  const world = createWorld({
    autoAnswer: "42",
    ledger: createLedger(env.DB),
    policies: realPolicies("offline-0"),
    mcpServers: realMcpServers(),
    training: realTraining,
    rewards: createRewardStore(env.DB),
  });
  world.clock.rush = true;
  const run = RunObject.parse(await (await world.post("/v1/solve", { query: "q" })).json());
  return { world, run };
}

/** A dataset of the tenant of this world, which no request removes: each of them is to find it. */
const mcpServer = "stock";
const made = { datasetId: "", exportId: "" };
const keep = () => Promise.resolve();
const realTraining: TrainingServices = {
  exports: exportStore,
  exporter: () => ({ wake: keep }),
  datasets: { ...createDatasetStore(env.DB), markDeleted: keep },
  datasetFiles: { ...createDatasetFiles(env.BUCKET), deleteAll: keep },
};

beforeAll(async () => {
  await migrate(env.DB);
  await env.DB.prepare(
    `INSERT INTO runs (run_id, tenant, session_id, status, query, created_at, ended_at, max_seconds, policy_version)
     VALUES (?1, 'local', 'ses_00000000000000000000000001', 'completed', 'q', ?2, ?2, 60, 'offline-0')`,
  )
    .bind(fedRunId, "2026-11-22T10:00:00.000Z")
    .run();
  await seedGroup(env, { tenant: "local", task: "fuzz", rollouts: workedExample });
  const row = await exported("local", "fuzz");
  made.datasetId = row.dataset_id ?? "";
  made.exportId = row.export_id;
});

describe("whatever is sent", () => {
  test.each(operations)("$name gives no 500, and a problem for every 4xx", async ({ method, path, operation }) => {
    const seen = new Set<number>();
    const gotThrough = () => [...seen].some((status) => status < 300);
    const holds = fc.asyncProperty(requestOf(operation), async (sent) => {
      const { world, run } = await createTarget();
      const reply = await send(world, method, path, run, sent);
      seen.add(reply.status);
      expect(world.logs).toEqual([]);
      expect(reply.status).toBeLessThan(500);
      expect(Object.keys(operation.responses)).toContain(String(reply.status));
      const code = reply.status >= 400 ? (await readProblem(reply)).code : await reply.text().then(() => "none");
      expect(code).not.toBe("internal");
    });
    // A fuzz run that never gets through tests only the first check.
    for (let round = 0; round < maxRounds && !gotThrough(); round++) {
      await fc.assert(holds, { numRuns: runsPerOperation });
    }
    expect(gotThrough()).toBe(true);
  });
});
