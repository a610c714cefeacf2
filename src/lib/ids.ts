// Ids with a prefix, sortable by time: 48 bits of milliseconds and 80 random bits in Crockford's base 32, as a
// ULID, in lower case. A run's id holds its session's, so that a run is found without an index.

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const body = `[${alphabet}]{26}`;

/** Source of time and randomness; injected, so that tests and rollouts are reproducible. */
export interface IdSource {
  now(): number;
  random(bytes: Uint8Array): Uint8Array;
}

function encode(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) {
    bits = (bits << 8n) | BigInt(byte);
  }
  let text = "";
  for (let index = 0; index < 26; index++) {
    text = (alphabet[Number(bits & 31n)] ?? "") + text;
    bits >>= 5n;
  }
  return text;
}

export type IdPrefix = "ses" | "bat" | "grp" | "exp" | "ds" | "call";

/** `<prefix>_` and 26 characters, later ids sorting after earlier ones. */
export function newId(prefix: IdPrefix, source: IdSource): string {
  const bytes = source.random(new Uint8Array(16));
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setBigUint64(
    0,
    (BigInt(source.now()) << 16n) | (BigInt(bytes[6] ?? 0) << 8n) | BigInt(bytes[7] ?? 0),
  );
  return `${prefix}_${encode(bytes)}`;
}

export function newSessionId(source: IdSource): string {
  return newId("ses", source);
}

/** An id derived from a hash (at least 16 bytes), for callers whose retries must reach the same object. */
export function hashedId(prefix: IdPrefix, hash: Uint8Array): string {
  return `${prefix}_${encode(hash.slice(0, 16))}`;
}

export function hashedSessionId(hash: Uint8Array): string {
  return hashedId("ses", hash);
}

export function isId(prefix: IdPrefix, id: string): boolean {
  return new RegExp(`^${prefix}_${body}$`).test(id);
}

/** `ordinal` counts a session's runs from 1. */
export function runIdOf(sessionId: string, ordinal: number): string {
  return `run_${sessionId.slice("ses_".length)}_${String(ordinal).padStart(4, "0")}`;
}

export function isSessionId(id: string): boolean {
  return isId("ses", id);
}

/** The session a run belongs to; null if `runId` is not a run's id. */
export function sessionOfRun(runId: string): string | null {
  const match = new RegExp(`^run_(${body})_\\d{4,9}$`).exec(runId);
  return match?.[1] === undefined ? null : `ses_${match[1]}`;
}
