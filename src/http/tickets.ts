// Tickets let a browser's EventSource, which sends no header, read one run's events for five minutes. They are
// stateless: tenant, run and expiry under an HMAC, so any isolate can check what another one issued.

import * as z from "zod";

const ticketMs = 5 * 60_000;

const Claims = z.strictObject({ tenant: z.string(), run_id: z.string(), expires_at: z.number() });

export interface Ticket {
  readonly ticket: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[\w-]{1,1024}$/.test(text)) {
    return null;
  }
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

function importSecret(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

export async function issueTicket(secret: string, tenant: string, runId: string, nowMs: number): Promise<Ticket> {
  const expiresAt = nowMs + ticketMs;
  const claims = new TextEncoder().encode(JSON.stringify({ tenant, run_id: runId, expires_at: expiresAt }));
  const signature = await crypto.subtle.sign("HMAC", await importSecret(secret), claims);
  return { ticket: `${toBase64Url(claims)}.${toBase64Url(new Uint8Array(signature))}`, expiresAt };
}

/** The tenant that a ticket speaks for; null if it is forged, expired or for another run. */
export async function checkTicket(
  secret: string,
  ticket: string,
  runId: string,
  nowMs: number,
): Promise<string | null> {
  const [claims, signature, rest] = ticket.split(".").map(fromBase64Url);
  if (!claims || !signature || rest !== undefined) {
    return null;
  }
  if (!(await crypto.subtle.verify("HMAC", await importSecret(secret), signature, claims))) {
    return null;
  }
  const parsed = Claims.parse(JSON.parse(new TextDecoder().decode(claims)));
  return parsed.run_id === runId && nowMs < parsed.expires_at ? parsed.tenant : null;
}
