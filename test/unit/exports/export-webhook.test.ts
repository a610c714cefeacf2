import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { datasetReady, sendDatasetReady } from "../../../durable-objects/export-webhook.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const counts = { groups: 2, rollouts: 8, turns: 20, invalid: {}, quarantined: 0, erased: 0 };
const row = {
  dataset_id: "ds_00000000000000000000000001",
  tenant: "acme",
  export_id: "exp_00000000000000000000000001",
  claim_id: "exp_00000000000000000000000001",
  advantage_spec: "grpo/trajectory/std=n-1/eps=1e-6",
  created_at: "2026-11-22T12:00:00.000Z",
  counts,
  manifest_sha256: "ab".repeat(32),
  deleted_at: null,
};
const message = datasetReady(row, ["planner-7"]);

interface Sent {
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

function receiver(answer: () => Promise<Response>) {
  const sent: Sent[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    sent.push({ url, headers: new Headers(init.headers), body: z.string().parse(init.body) });
    return answer();
  };
  return { sent, deps: { fetch, clock: createVirtualClock(), webhook: { url: "https://receiver.test/hook", secret } } };
}

describe("the webhook of a dataset", () => {
  test("says where the manifest is, signed so that a receiver of Standard Webhooks can check it", async () => {
    const { sent, deps } = receiver(() => Promise.resolve(new Response(null, { status: 204 })));
    expect(await sendDatasetReady(deps, message)).toEqual({ ok: true, value: null });
    const [{ headers, body } = expect.unreachable("something was sent")] = sent;
    expect(JSON.parse(body)).toEqual({
      type: "dataset.ready",
      tenant: "acme",
      dataset_id: row.dataset_id,
      manifest_url: `/v1/datasets/${row.dataset_id}/files/manifest.json`,
      counts,
      policy_versions: ["planner-7"],
      created_at: row.created_at,
    });
    const signed = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`;
    const expected = createHmac("sha256", Buffer.from(secret, "base64")).update(signed).digest("base64");
    expect(headers.get("webhook-signature")).toBe(`v1,${expected}`);
  });

  test("keeps its id from try to try, so that a receiver drops what it has seen", async () => {
    const { sent, deps } = receiver(() => Promise.resolve(new Response("busy", { status: 503 })));
    const first = await sendDatasetReady(deps, message);
    await sendDatasetReady(deps, message);
    expect(first).toEqual({ ok: false, error: { detail: "it answered 503", isFinal: false } });
    expect(new Set(sent.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  });

  test("is tried again when nobody listens, and given up when its secret signs nothing", async () => {
    const { sent, deps } = receiver(() => Promise.reject(new TypeError("connection refused")));
    expect(await sendDatasetReady(deps, message)).toMatchObject({ ok: false, error: { isFinal: false } });
    const unsigned = { ...deps, webhook: { ...deps.webhook, secret: "short" } };
    expect(await sendDatasetReady(unsigned, message)).toMatchObject({ ok: false, error: { isFinal: true } });
    expect(sent).toHaveLength(1);
  });

  test("goes nowhere where none is configured", async () => {
    const { sent, deps } = receiver(() => Promise.resolve(new Response()));
    expect(await sendDatasetReady({ ...deps, webhook: null }, message)).toEqual({ ok: true, value: null });
    expect(sent).toEqual([]);
  });
});
