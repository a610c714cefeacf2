// Carries a request's tasks to the batch's object in pieces, so that ten thousand of them never stand in memory
// together, and hashes them on the way. Nothing starts: the last piece is left for the request that creates the batch.

import type { AddTasks } from "../../durable-objects/batch-api.ts";
import { canonicalJson } from "../lib/canonical-json.ts";
import { newId } from "../lib/ids.ts";
import { sha256Hex } from "../lib/sha256.ts";
import type { BatchTask } from "../training/batch-spec.ts";
import { type BatchName, callBatch } from "./call-batch.ts";
import type { Services } from "./services.ts";

/** A piece closes at either; where depends on the tasks alone, so that equal tasks have equal hashes. */
const maxPieceTasks = 250;
const maxPieceChars = 500_000;

export interface SentTasks {
  readonly last: AddTasks;
  /** Hex, over all tasks in their order. */
  readonly sha256: string;
}

/** Throws what `tasks` throws, after it has dropped what was sent. */
export async function sendTasks(
  services: Services,
  name: BatchName,
  tasks: AsyncIterable<BatchTask>,
): Promise<SentTasks> {
  // A name that no other request has.
  const upload = newId("bat", services.ids);
  let sent = 0;
  let sha256 = "";
  let piece: BatchTask[] = [];
  let texts: string[] = [];
  let chars = 0;
  const toPiece = (): AddTasks => ({ batchId: name.batchId, upload, first: sent, tasks: piece });
  try {
    for await (const task of tasks) {
      const text = canonicalJson(task);
      if (piece.length >= maxPieceTasks || (piece.length > 0 && chars + text.length > maxPieceChars)) {
        const full = toPiece();
        await callBatch(services, name, (batch) => batch.addTasks(full));
        sha256 = await sha256Hex([sha256, ...texts].join("\n"));
        sent += piece.length;
        [piece, texts, chars] = [[], [], 0];
      }
      piece.push(task);
      texts.push(text);
      chars += text.length;
    }
  } catch (error) {
    if (sent > 0) {
      await dropTasks(services, name, upload);
    }
    throw error;
  }
  return { last: toPiece(), sha256: await sha256Hex([sha256, ...texts].join("\n")) };
}

/** What cannot be dropped now is dropped by the object itself after a while. */
async function dropTasks(services: Services, name: BatchName, upload: string): Promise<void> {
  try {
    await callBatch(services, name, (batch) => batch.dropTasks(upload));
  } catch {
    // The caller's own error is the one to be told.
  }
}
