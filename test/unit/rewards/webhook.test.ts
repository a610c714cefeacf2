// The webhook reward against a scripted fetch: what it sends, which answers are verdicts, and what is tried again.

import { describe, expect, it } from "vitest";
import { FetchError } from "../../../src/lib/guarded-fetch/fetch-fault.ts";
import type { GuardedFetch, GuardedInit } from "../../../src/lib/guarded-fetch/guarded-fetch.ts";
import { err, ok } from "../../../src/lib/result.ts";
import { signWebhook } from "../../../src/lib/sign-webhook.ts";
import { askWebhook, type WebhookDeps, type WebhookOutcome } from "../../../src/rewards/webhook.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const nowMs = Date.parse("2026-11-22T10:00:00.500Z");
const outcome: WebhookOutcome = {
  run_id: "run_1",
  session_id: "ses_1",
  status: "completed",
  stop_reason: null,
  query: "What is six times seven?",
  answer: "42",
  answers: ["42"],
  metadata: { course: "a" },
  batch_id: null,
  group_id: null,
  task_id: null,
  ended_at: "2026-11-22T09:59:00.000Z",
};

interface Sent {
  readonly url: string;
  readonly init: GuardedInit;
}

async function ask(reply: () => Response, spec: { secret?: string } = {}, change: Partial<WebhookDeps> = {}) {
  const sent: Sent[] = [];
  const fetch: GuardedFetch = async (url, init = {}) => {
    sent.push({ url: String(url), init });
    return reply();
  };
  const secretFor: WebhookDeps["secretFor"] = (tenant, name, host) =>
    tenant === "acme" && name === "TENANT_SECRET_GRADER" && host === "grader.example:8443"
      ? ok(secret)
      : err({ code: "secret_refused", detail: "there is no such secret" });
  const asked = await askWebhook(
    { tenant: "acme", fetch, secretFor, now: () => nowMs, ...change },
    { kind: "webhook", url: "https://grader.example:8443/score", ...spec },
    outcome,
    new AbortController().signal,
  );
  return { asked, sent };
}

describe("a webhook", () => {
  it("gets the outcome, signed, and its value counts", async () => {
    const { asked, sent } = await ask(() => Response.json({ value: 0.5, reason: "half right", more: 1 }), {
      secret: "TENANT_SECRET_GRADER",
    });
    expect(asked).toMatchObject({ ok: true, value: { value: 0.5, reason: "half right", judgeModel: null } });
    const [request] = sent;
    const body = typeof request?.init.body === "string" ? request.init.body : "";
    expect(JSON.parse(body)).toEqual({
      type: "reward.requested",
      timestamp: "2026-11-22T10:00:00.500Z",
      data: outcome,
    });
    const signed = await signWebhook(secret, { id: "msg_run_1", timestamp: Math.floor(nowMs / 1000), body });
    expect(request?.init.headers).toMatchObject(signed.ok ? signed.value : {});
    expect(request).toMatchObject({
      url: "https://grader.example:8443/score",
      init: { method: "POST", maxRedirects: 0 },
    });
  });

  it("is asked without a signature where the task names no secret", async () => {
    const { sent } = await ask(() => Response.json({ value: 1 }));
    const headers = new Headers(sent[0]?.init.headers);
    expect([headers.get("webhook-id"), headers.get("webhook-signature")]).toEqual(["msg_run_1", null]);
  });

  it("is not asked at all where the secret is not for this tenant and host", async () => {
    const { asked, sent } = await ask(() => Response.json({ value: 1 }), { secret: "TENANT_SECRET_OTHER" });
    expect(asked).toMatchObject({ ok: false, error: { code: "secret_refused", isRetryable: false } });
    expect(sent).toEqual([]);
  });

  it.each([
    ["no JSON", () => new Response("yes")],
    ["no number", () => Response.json({ value: "1" })],
    ["no value", () => Response.json({ reward: 1 })],
    ["a number out of all bounds", () => new Response('{"value": 1e300}')],
    ["nothing", () => new Response(null, { status: 204 })],
  ])("that answers %s has given no verdict, and is asked again", async (_name, reply) => {
    expect((await ask(reply)).asked).toMatchObject({ ok: false, error: { code: "bad_verdict", isRetryable: true } });
  });

  it("that is busy says when to come back", async () => {
    const { asked } = await ask(() => new Response("", { status: 503, headers: { "retry-after": "7" } }));
    expect(asked).toMatchObject({
      ok: false,
      error: { code: "webhook_failed", isRetryable: true, retryAfterMs: 7000 },
    });
  });

  it.each([
    ["address_refused", false],
    ["connection_failed", true],
    ["timeout", true],
  ] as const)("behind %s is asked again only where that can help", async (code, isRetryable) => {
    const fetch: GuardedFetch = () => Promise.reject(new FetchError({ code, detail: "no" }));
    const { asked } = await ask(() => new Response(), {}, { fetch });
    expect(asked).toMatchObject({ ok: false, error: { code, isRetryable } });
  });
});
