// Reads the records of claimed rollouts from R2, in their order. Requests run ahead, bodies do not: at most a few wait
// for headers, and one record is unpacked at a time. A record that is missing or is not the one that was claimed is a
// reason, never a fault.

import type { Clock } from "../src/engines/clock.ts";
import { sessionOfRun } from "../src/lib/ids.ts";
import { err, ok, type Result } from "../src/lib/result.ts";
import { sha256Hex } from "../src/lib/sha256.ts";
import type { ClaimedRollout } from "../src/store/claims.ts";
import { guardStore, StoreFault } from "../src/store/store-fault.ts";
import type { QuarantineReason } from "../src/training/dataset/build-rows.ts";
import { readRecord, type RecordInput } from "../src/training/dataset/record-input.ts";

/** Of the six requests that may wait for headers (platform limit), the uploads need the others. */
const readAhead = 4;
/** Twenty turns of the longest contexts stay below it; what is larger would not fit beside the rest of an isolate. */
const maxRecordBytes = 32 * 1024 * 1024;
/** Thousands of reads make one file: a hiccup must not begin it anew. */
const pausesMs = [50, 500];

export interface RecordSource {
  readonly bucket: R2Bucket;
  readonly clock: Clock;
  readonly isErased: (sessionId: string) => Promise<boolean>;
}

export interface ReadRollout {
  readonly rollout: ClaimedRollout;
  /** Null for a rollout that left no record. */
  readonly read: Result<{ readonly record: RecordInput | null; readonly bytes: number }, QuarantineReason>;
}

/** One after the other as `rollouts` has them. Throws StoreFault (`records_unavailable`) when R2 fails. */
export async function* readRecords(
  source: RecordSource,
  rollouts: readonly ClaimedRollout[],
): AsyncGenerator<ReadRollout> {
  const ahead: { rollout: ClaimedRollout; opened: Promise<Opened> }[] = [];
  let next = 0;
  try {
    for (;;) {
      for (let rollout = rollouts[next]; ahead.length < readAhead && rollout !== undefined; rollout = rollouts[next]) {
        const opened = open(source, rollout);
        // It is looked at when its turn comes; until then a fault is nobody's.
        opened.catch(() => undefined);
        ahead.push({ rollout, opened });
        next += 1;
      }
      const first = ahead.shift();
      if (first === undefined) {
        return;
      }
      yield { rollout: first.rollout, read: await unpack(source, first.rollout, await first.opened) };
    }
  } finally {
    for (const { opened } of ahead) {
      discard(await opened.catch(() => null));
    }
  }
}

type Opened = R2ObjectBody | null;

function discard(object: Opened): void {
  object?.body.cancel().catch(() => undefined);
}

async function open({ bucket, clock }: RecordSource, { record_key: key }: ClaimedRollout): Promise<Opened> {
  if (key === null) {
    return null;
  }
  for (const pauseMs of pausesMs) {
    try {
      return await bucket.get(key);
    } catch {
      await clock.sleep(pauseMs, new AbortController().signal);
    }
  }
  return guardStore("records_unavailable", () => bucket.get(key));
}

async function unpack(source: RecordSource, rollout: ClaimedRollout, object: Opened): Promise<ReadRollout["read"]> {
  if (rollout.record_key === null) {
    return ok({ record: null, bytes: 0 });
  }
  if (object === null) {
    const sessionId = sessionOfRun(rollout.run_id);
    return err(sessionId !== null && (await source.isErased(sessionId)) ? "erased" : "record_missing");
  }
  if (object.size > maxRecordBytes) {
    discard(object);
    return err("record_unreadable");
  }
  const bytes = new Uint8Array(await guardStore("records_unavailable", () => object.arrayBuffer()));
  if ((await sha256Hex(bytes)) !== rollout.record_sha256) {
    return err("record_changed");
  }
  const record = readRecord(new TextDecoder().decode(bytes));
  return record.ok ? ok({ record: record.value, bytes: bytes.byteLength }) : err("record_unreadable");
}

/** One record once more, for a group whose records did not fit into memory together. */
export async function rereadRecord(source: RecordSource, rollout: ClaimedRollout): Promise<ReadRollout["read"]> {
  for await (const { read } of readRecords(source, [rollout])) {
    return read;
  }
  throw new StoreFault("records_unavailable", new Error("nothing was read"));
}
