// The webhook reward: the outcome of a run is posted to a tenant's URL, which answers with its value. The request is
// signed where the task names a secret; a redirect is refused, because it would take the outcome elsewhere.

import * as z from "zod";
import { isRefusal } from "../lib/guarded-fetch/fetch-fault.ts";
import { fetchBytes } from "../lib/guarded-fetch/fetch-bytes.ts";
import type { GuardedFetch } from "../lib/guarded-fetch/guarded-fetch.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { signWebhook } from "../lib/sign-webhook.ts";
import type { SecretFor } from "../lib/tenant-secrets.ts";
import { briefReason, type LateFault, type LateVerdict } from "./late-reward.ts";
import type { WebhookReward } from "./late-reward-spec.ts";

/** What the webhook is told. */
export interface WebhookOutcome {
  readonly run_id: string;
  readonly session_id: string;
  readonly status: string;
  readonly stop_reason: string | null;
  readonly query: string;
  readonly answer: string;
  readonly answers: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly batch_id: string | null;
  readonly group_id: string | null;
  readonly task_id: string | null;
  readonly ended_at: string | null;
}

export interface WebhookDeps {
  readonly tenant: string;
  readonly fetch: GuardedFetch;
  readonly secretFor: SecretFor;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A value and a sentence; what is larger is no verdict. */
const maxReplyBytes = 64 * 1024;
/** A service that runs a test-suite for its verdict has a minute for it. */
const timeoutMs = 60_000;
/** As of a reward that is posted: beyond this, the statistics of a group lose their meaning. */
const maxValue = 1e15;

const Verdict = z.object({ value: z.number().min(-maxValue).max(maxValue), reason: z.string().nullish() });

export async function askWebhook(
  deps: WebhookDeps,
  { url, secret }: WebhookReward,
  outcome: WebhookOutcome,
  signal: AbortSignal,
): Promise<Result<LateVerdict, LateFault>> {
  const body = JSON.stringify({
    type: "reward.requested",
    timestamp: new Date(deps.now()).toISOString(),
    data: outcome,
  });
  const signed = await signatureOf(deps, { url, secret, id: `msg_${outcome.run_id}`, body });
  if (!signed.ok) {
    return signed;
  }
  const headers = { "content-type": "application/json", accept: "application/json", ...signed.value };
  const limits = { maxBytes: maxReplyBytes, timeoutMs, maxRedirects: 0, signal };
  const fetched = await fetchBytes(deps.fetch, { url, method: "POST", headers, body }, limits);
  if (!fetched.ok) {
    const { code, detail } = fetched.error;
    return err({ code, detail, isRetryable: !isRefusal(code), retryAfterMs: null });
  }
  const { status, bytes, headers: replied } = fetched.value;
  return status >= 200 && status < 300
    ? readVerdict(bytes)
    : err(failed(`the webhook answered ${status}`, retryAfterMs(replied)));
}

async function signatureOf(
  deps: WebhookDeps,
  { url, secret, id, body }: { url: string; secret: string | undefined; id: string; body: string },
): Promise<Result<Record<string, string>, LateFault>> {
  const timestamp = Math.floor(deps.now() / 1000);
  if (secret === undefined) {
    return ok({ "webhook-id": id, "webhook-timestamp": String(timestamp) });
  }
  const refused = (detail: string) => err({ code: "secret_refused", detail, isRetryable: false, retryAfterMs: null });
  const found = deps.secretFor(deps.tenant, secret, new URL(url).host);
  if (!found.ok) {
    return refused(found.error.detail);
  }
  const signed = await signWebhook(found.value, { id, timestamp, body });
  return signed.ok ? ok({ ...signed.value }) : refused(signed.error);
}

function readVerdict(bytes: Uint8Array): Result<LateVerdict, LateFault> {
  const verdict = Verdict.safeParse(parseJson(new TextDecoder().decode(bytes)));
  if (!verdict.success) {
    return err({ ...failed("the webhook did not answer {value: a number}", null), code: "bad_verdict" });
  }
  const { value, reason } = verdict.data;
  return ok({ value, components: null, reason: briefReason(reason ?? ""), judgeModel: null, promptVersion: null });
}

function failed(detail: string, waitMs: number | null): LateFault {
  return { code: "webhook_failed", detail, isRetryable: true, retryAfterMs: waitMs };
}

/** Seconds only: a date would depend on whose clock is right. */
function retryAfterMs(headers: Headers): number | null {
  const seconds = headers.get("retry-after") ?? "";
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
