// Cursors of lists: the last item's sort key, opaque to callers, who may only hand them back.

import * as z from "zod";
import type { ListPosition } from "../store/ledger.ts";
import { invalidField } from "./problem.ts";

const Position = z.tuple([z.iso.datetime(), z.string().max(64)]);

export function encodeCursor(position: ListPosition): string {
  return btoa(JSON.stringify([position.created_at, position.run_id]));
}

/** 422 for anything that `encodeCursor` did not make. */
export function decodeCursor(cursor: string): ListPosition {
  const position = Position.safeParse(parse(cursor));
  if (!position.success) {
    throw invalidField("invalid_request", "cursor", "invalid_cursor", "Use `next_cursor` of the page before.");
  }
  const [created_at, run_id] = position.data;
  return { created_at, run_id };
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(atob(cursor));
  } catch {
    return null;
  }
}
