// Details too large for a row (SQLite's limit in production is 2 MB, ours 1 MB) lie in R2 under a key made of
// their hash, put there before the event that points at them is appended. A put that R2 refuses is tried again: the
// reply that it holds has been sampled, and giving up means sampling another one.

import { EventDetail, type NewEvent } from "../src/agent/events.ts";
import type { Clock } from "../src/engines/clock.ts";
import { runIdOf } from "../src/lib/ids.ts";
import { sha256Hex } from "../src/lib/sha256.ts";
import type { PreparedEvent } from "./event-table.ts";
import { inlineColumn, spilledColumn } from "./stored-shapes.ts";

/** Characters of JSON that are sure to stay under 1 MB as UTF-8, of which a character takes three bytes at most. */
const maxInlineChars = 300_000;

/** R2 refuses for a second or two when it is busy; a longer fault is left to the loop's rest. */
const maxPuts = 4;
const baseWaitMs = 500;

export interface DetailDeps {
  readonly bucket: R2Bucket;
  readonly clock: Pick<Clock, "sleep">;
  readonly random: () => number;
  /** Of the loop: one that was taken away has nothing left to save. */
  readonly signal: AbortSignal;
}

function detailPrefix(tenant: string, runId: string): string {
  return `details/${tenant}/${runId}/`;
}

/** Rejects with R2's last error. A put that hangs keeps the loop silent, and the alarm looks after those. */
export async function prepareEvent(
  deps: DetailDeps,
  tenant: string,
  runId: string,
  event: NewEvent,
): Promise<PreparedEvent> {
  return {
    event,
    detail: event.detail === undefined ? null : await storeDetail(deps, detailPrefix(tenant, runId), event.detail),
  };
}

async function storeDetail(deps: DetailDeps, prefix: string, detail: EventDetail): Promise<PreparedEvent["detail"]> {
  const text = JSON.stringify(detail);
  if (text.length <= maxInlineChars) {
    return inlineColumn(text);
  }
  const key = `${prefix}${await sha256Hex(text)}.json`;
  await put(deps, key, text);
  return spilledColumn(key);
}

async function put({ bucket, clock, random, signal }: DetailDeps, key: string, text: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await bucket.put(key, text);
      return;
    } catch (error) {
      if (attempt === maxPuts || signal.aborted) {
        throw error;
      }
      await clock.sleep(baseWaitMs * 2 ** (attempt - 1) * (0.5 + random() / 2), signal);
    }
  }
}

/** Removes what was put for events that the log then refused: nothing would ever point at it. */
export async function discardDetails(bucket: R2Bucket, events: readonly PreparedEvent[]): Promise<void> {
  const keys = events.flatMap(({ detail }) => detail?.r2 ?? []);
  if (keys.length > 0) {
    await bucket.delete(keys);
  }
}

/** What R2 should hold it does not, or another version wrote it. Unlike a fault of R2 this stays so. */
export class UnreadableDetailError extends Error {}

export async function fetchDetail(bucket: R2Bucket, key: string): Promise<EventDetail> {
  const found = await bucket.get(key);
  if (found === null) {
    throw new UnreadableDetailError(`the detail ${key} is missing`);
  }
  const text = await found.text();
  try {
    return EventDetail.parse(JSON.parse(text));
  } catch (cause) {
    throw new UnreadableDetailError(`the detail ${key} cannot be read`, { cause });
  }
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
