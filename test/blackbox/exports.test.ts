// Exports with a real server: from one claim come the same bytes, wherever the power is cut; a receiver is told, and
// files are served by ranges over real HTTP.

import { createHmac } from "node:crypto";
import { cpSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { ExportObject } from "../../src/http/routes/exports.ts";
import { hashedId } from "../../src/lib/ids.ts";
import { sha256, sha256Hex } from "../../src/lib/sha256.ts";
import { createClaimStore } from "../../src/store/claims.ts";
import { createExportStore } from "../../src/store/exports.ts";
import { DatasetFile } from "../../src/training/dataset/manifest.ts";
import type { ClaimRequest } from "../../src/training/export-request.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";
import { keysOnDisk, withStores } from "../support/state-stores.ts";
import { seedGroup, type SeedRollout, workedExample } from "../support/training-fixtures.ts";
import { until } from "../support/until.ts";
import { apiOf, read } from "./support/api.ts";

const folder = temporaryDir();
const seeded = join(folder.path, "seeded");
const tenant = "local";
const env = { INFERENCE_BASE_URL: "offline", LEASE_SECONDS: "1" };
const groups = 40;
const running = new Set<Server>();

async function start(stateDir: string, more: Record<string, string> = {}): Promise<Server> {
  const server = await startServer({ stateDir, env: { ...env, ...more } });
  running.add(server);
  return server;
}

async function kill(server: Server): Promise<void> {
  await server.kill9();
  running.delete(server);
}

async function exportId(): Promise<string> {
  return hashedId("exp", await sha256("the claim of this test"));
}

const request: ClaimRequest = {
  kind: "claim",
  advantage_spec: "grpo/trajectory/std=n-1/eps=1e-6",
  options: { min_valid: null, allow_partial: false, max_staleness: 4, pass_at: 1 },
  batch_id: null,
  policy_version: null,
  closed_before: null,
};

/** Eight rollouts of three turns with 300 tokens that do not compress, so that an export takes a while. */
const rollouts = Array.from({ length: 8 }, (_, index): SeedRollout => ({
  reward: index % 2,
  turns: 3,
  tokens: 300,
  isNoisy: true,
}));

/** A state with a claim and nothing else of its export: what a server leaves that died right after the claim. */
async function seedClaim(): Promise<void> {
  await withStores(seeded, async (stores) => {
    for (let task = 0; task < groups; task++) {
      await seedGroup(stores, { tenant, task: `task ${task}`, rollouts });
    }
    const export_id = await exportId();
    const at = "2026-11-22T12:00:00.000Z";
    await createExportStore(stores.DB).create({ export_id, tenant, trigger: "request", request, created_at: at });
    await createClaimStore(stores.DB).claim({
      claim_id: export_id,
      tenant,
      claimed_at: at,
      trigger: "request",
      request,
      exporter_version: "1.0.0",
    });
  });
}

/** The claim's own copy of the state. */
function copyOf(name: string): string {
  const stateDir = join(folder.path, name);
  cpSync(seeded, stateDir, { recursive: true });
  return stateDir;
}

async function fireCron({ url }: Server): Promise<void> {
  const fired = await fetch(`${url}/cdn-cgi/handler/scheduled?cron=*/15+*+*+*+*`);
  expect(await fired.text()).toContain("ok");
}

async function exportOf({ url }: Server, id: string): Promise<ExportObject> {
  return read(ExportObject, await apiOf(url).send("GET", `/v1/exports/${id}`), 200);
}

async function ended(server: Server, id: string): Promise<ExportObject> {
  return until(`${id} ends`, async () => {
    const seen = await exportOf(server, id);
    return seen.ended_at === null ? null : seen;
  });
}

/** SHA-256 of each file as it is served, the manifest's own included. */
async function servedHashes({ url }: Server, datasetId: string): Promise<Record<string, string>> {
  const api = apiOf(url);
  const Files = z.looseObject({ files: z.array(DatasetFile) });
  const { files } = await read(Files, await api.send("GET", `/v1/datasets/${datasetId}`), 200);
  const hashes: Record<string, string> = {};
  for (const path of ["manifest.json", ...files.map((file) => file.path)]) {
    const reply = await api.send("GET", `/v1/datasets/${datasetId}/files/${path}`);
    hashes[path] = await sha256Hex(new Uint8Array(await reply.arrayBuffer()));
  }
  expect(files.map((file) => hashes[file.path])).toEqual(files.map((file) => file.sha256));
  return hashes;
}

/** What of the dataset lies in R2, by the beginnings of the files' names. */
function written(stateDir: string): string {
  return keysOnDisk(stateDir, "datasets/")
    .map((key) => key.replace(/^.*\//, ""))
    .join(" ");
}

beforeAll(seedClaim);
afterEach(async () => {
  await Promise.all([...running].map(kill));
});
afterAll(() => {
  folder.remove();
});

describe("kill -9 of the server during an export", () => {
  // In the order of an export. Each stays true once it is, for a fast export may be further when it is looked at.
  const stages: readonly [name: string, isReached: (seen: ExportObject, files: string) => boolean][] = [
    ["its claim is found", (seen) => seen.status !== "queued"],
    ["its turns are written", (_, files) => files.includes("turns")],
    ["its card is written", (_, files) => files.includes("README")],
    ["its manifest is written", (_, files) => files.includes("manifest")],
    ["it has ended", (seen) => seen.ended_at !== null],
  ];

  test("once at each of its stages: the bytes are those of an export that nobody disturbed", async () => {
    const id = await exportId();
    const undisturbed = await start(copyOf("undisturbed"));
    await fireCron(undisturbed);
    const { status, dataset_id, counts } = await ended(undisturbed, id);
    expect([status, counts]).toMatchObject(["completed", { groups, rollouts: 8 * groups, turns: 24 * groups }]);
    const expected = await servedHashes(undisturbed, dataset_id ?? "");
    expect(Object.keys(expected)).toHaveLength(5);
    await kill(undisturbed);

    const stateDir = copyOf("disturbed");
    for (const [index, [name, isReached]] of stages.entries()) {
      const server = await start(stateDir);
      if (index === 0) {
        await fireCron(server);
      }
      // From the second start on nobody wakes it: its own alarm does.
      await until(name, async () => isReached(await exportOf(server, id), written(stateDir)));
      await kill(server);
    }
    const server = await start(stateDir);
    expect(await ended(server, id)).toMatchObject({ status: "completed", dataset_id });
    expect(await servedHashes(server, dataset_id ?? "")).toEqual(expected);
  });
});

describe("an export on request", () => {
  const secret = Buffer.from("a secret of 32 bytes for tests!!").toString("base64");
  const received: { headers: IncomingMessage["headers"]; body: string }[] = [];
  // Refuses the first message: it must come again.
  const receiver = createServer((message, reply) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      received.push({ headers: message.headers, body: Buffer.concat(chunks).toString("utf8") });
      reply.writeHead(received.length === 1 ? 503 : 204).end();
    });
  });
  const state = join(folder.path, "requested");

  beforeAll(async () => {
    await withStores(state, (stores) => seedGroup(stores, { tenant, task: "task", rollouts: workedExample }));
    await new Promise<void>((listening) => {
      receiver.listen(0, "127.0.0.1", listening);
    });
  });
  afterAll(() => {
    receiver.close();
  });

  test("is told to the operator's receiver, and is downloaded by ranges", async () => {
    const address = receiver.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const hook = { DATASET_WEBHOOK_URL: `http://127.0.0.1:${port}/hook`, DATASET_WEBHOOK_SECRET: `whsec_${secret}` };
    const server = await start(state, hook);
    const api = apiOf(server.url);
    const made = await read(ExportObject, await api.send("POST", "/v1/exports", { body: {} }), 202);
    const done = await ended(server, made.id);
    expect(done.status).toBe("completed");

    await until("the receiver has heard of it twice", () => Promise.resolve(received.length >= 2));
    const [first, second] = received;
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = second?.headers ?? {};
    const signed = createHmac("sha256", Buffer.from(secret, "base64")).update(
      `${String(id)}.${String(at)}.${second?.body}`,
    );
    expect(signature).toBe(`v1,${signed.digest("base64")}`);
    const Message = z.looseObject({ dataset_id: z.string(), manifest_url: z.string() });
    const message = Message.parse(JSON.parse(second?.body ?? ""));
    expect(message.dataset_id).toBe(done.dataset_id);

    const Files = z.looseObject({ files: z.array(DatasetFile) });
    const { files } = await read(Files, await api.send("GET", message.manifest_url), 200);
    const [turns = expect.unreachable("there are turns")] = files;
    const path = `/v1/datasets/${message.dataset_id}/files/${turns.path}`;
    const parts: Buffer[] = [];
    for (let from = 0; from < turns.bytes; from += 1000) {
      const range = `bytes=${from}-${Math.min(from + 999, turns.bytes - 1)}`;
      const reply = await api.send("GET", path, { headers: { range, "accept-encoding": "gzip, br" } });
      expect([reply.status, reply.headers.get("content-encoding")]).toEqual([206, null]);
      parts.push(Buffer.from(await reply.arrayBuffer()));
    }
    expect(await sha256Hex(Buffer.concat(parts))).toBe(turns.sha256);
    const manifest = await api.send("GET", message.manifest_url, { headers: { "accept-encoding": "gzip, br" } });
    expect(manifest.headers.get("content-encoding")).toBeNull();
    expect(manifest.headers.get("content-length")).toBe(String((await manifest.arrayBuffer()).byteLength));
    const head = await api.send("HEAD", path);
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(turns.bytes)]);
  });
});
