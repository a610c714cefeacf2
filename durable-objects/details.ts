// Details too large for a row (SQLite's limit in production is 2 MB, ours 1 MB) lie in R2 under a key made of
// their hash, put there before the event that points at them is appended.

import { EventDetail, type NewEvent } from "../src/agent/events.ts";
import { runIdOf } from "../src/lib/ids.ts";
import { sha256Hex } from "../src/lib/sha256.ts";
import type { PreparedEvent } from "./event-table.ts";

/** Characters of JSON that are sure to stay under 1 MB as UTF-8, of which a character takes three bytes at most. */
const maxInlineChars = 300_000;

function detailPrefix(tenant: string, runId: string): string {
  return `details/${tenant}/${runId}/`;
}

export async function prepareEvent(
  bucket: R2Bucket,
  tenant: string,
  runId: string,
  event: NewEvent,
): Promise<PreparedEvent> {
  return {
    event,
    detail: event.detail === undefined ? null : await storeDetail(bucket, detailPrefix(tenant, runId), event.detail),
  };
}

async function storeDetail(bucket: R2Bucket, prefix: string, detail: EventDetail): Promise<PreparedEvent["detail"]> {
  const text = JSON.stringify(detail);
  if (text.length <= maxInlineChars) {
    return { inline: detail };
  }
  const key = `${prefix}${await sha256Hex(text)}.json`;
  await bucket.put(key, text);
  return { r2: key };
}

/** Removes what was put for events that the log then refused: nothing would ever point at it. */
export async function discardDetails(bucket: R2Bucket, events: readonly PreparedEvent[]): Promise<void> {
  const keys = events.flatMap(({ detail }) => (detail !== null && "r2" in detail ? detail.r2 : []));
  if (keys.length > 0) {
    await bucket.delete(keys);
  }
}

export async function fetchDetail(bucket: R2Bucket, key: string): Promise<EventDetail> {
  const found = await bucket.get(key);
  if (found === null) {
    throw new Error(`the detail ${key} is missing`);
  }
  return EventDetail.parse(await found.json());
}

/** Removes every spilled detail of a session's runs, whose ids hold the session's: one list for all of them. */
export async function deleteDetails(bucket: R2Bucket, tenant: string, sessionId: string): Promise<void> {
  const prefix = `details/${tenant}/${runIdOf(sessionId, 0).replace(/\d+$/, "")}`;
  for (;;) {
    const { objects, truncated } = await bucket.list({ prefix });
    if (objects.length > 0) {
      await bucket.delete(objects.map((object) => object.key));
    }
    if (!truncated) {
      return;
    }
  }
}
