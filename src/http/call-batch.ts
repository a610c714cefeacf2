// Calls to a batch's object, as those to a session's: tried again on a fresh stub where a fault of the platform broke
// them. Every method may be repeated.

import type { BatchApi, FoundBatch } from "../../durable-objects/batch-api.ts";
import { isId } from "../lib/ids.ts";
import { callObject, notFound } from "./call-session.ts";
import { HttpError } from "./problem.ts";
import type { Services } from "./services.ts";

export interface BatchName {
  readonly tenant: string;
  readonly batchId: string;
}

export function callBatch<T>(
  services: Services,
  { tenant, batchId }: BatchName,
  call: (batch: BatchApi) => Promise<T>,
): Promise<T> {
  const unavailable = (cause: unknown) =>
    new HttpError("batch_unavailable", "The batch is being moved or restarted. Try again.", { cause });
  return callObject(services, "again", () => call(services.batches(tenant, batchId)), unavailable);
}

/** 404 for what is no batch's id, so that such an id wakes no object. */
export function batchNameOf(tenant: string, batchId: string): BatchName {
  if (!isId("bat", batchId)) {
    throw notFound("batch");
  }
  return { tenant, batchId };
}

export function requireBatch<T>(found: FoundBatch<T>): T {
  if (found.kind === "unknown") {
    throw notFound("batch");
  }
  return found.value;
}
