// Signatures of the webhooks we send, in the Standard Webhooks scheme, so that receivers verify them with a library
// of their own language. A secret is base64, with or without `whsec_`; what is not is refused, never used as text.

import { err, ok, type Result } from "./result.ts";

export interface WebhookMessage {
  /** The same for every try of one message: receivers drop what they have seen. */
  readonly id: string;
  /** Seconds since the epoch; receivers refuse what is minutes old. */
  readonly timestamp: number;
  /** Exactly the bytes that are sent. */
  readonly body: string;
}

export type WebhookHeaders = Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>>;

/** The scheme asks for 24 to 64 bytes; shorter keys are refused, because an HMAC is as strong as its key. */
const minKeyBytes = 24;

export async function signWebhook(
  secret: string,
  { id, timestamp, body }: WebhookMessage,
): Promise<Result<WebhookHeaders, string>> {
  const bytes = keyBytes(secret);
  if (bytes === null || bytes.length < minKeyBytes) {
    return err("a webhook's secret is base64 of at least 24 bytes, with or without whsec_ before it");
  }
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, signed));
  return ok({
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${btoa(String.fromCharCode(...signature))}`,
  });
}

function keyBytes(secret: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(secret.replace(/^whsec_/, "")), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
