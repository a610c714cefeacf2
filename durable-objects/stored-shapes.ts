// Whether a row of the log has the shape that this version writes. Only typed events get into the log, so a read
// compares the names of an event's members with its schema's and leaves their values alone: checking every token id
// of every reply on every read was a tenth of a run's processor time. What another version wrote shows by its names.

import { type EventDetail, type RunEvent, RunEventSchema } from "../src/agent/events.ts";

/** A detail either stands in its row or, where it is too large for one, in R2 under a key. */
export type StoredDetail = { readonly r2: string } | { readonly inline: EventDetail };

/** A `StoredDetail` on its way into its row, and what it lies under in R2; null for one that stands in its row. */
export interface DetailColumn {
  readonly json: string;
  readonly r2: string | null;
}

/** `json`: of an EventDetail. Large ones are made text once, for their size and for their row. */
export function inlineColumn(json: string): DetailColumn {
  return { json: `{"inline":${json}}`, r2: null };
}

export function spilledColumn(r2: string): DetailColumn {
  return { json: JSON.stringify({ r2 }), r2 };
}

interface Members {
  readonly known: ReadonlySet<string>;
  readonly required: readonly string[];
}

const membersOf: ReadonlyMap<unknown, Members> = new Map(
  RunEventSchema.options.map(({ shape }) => {
    const required = Object.entries(shape).filter(([, member]) => !member.safeParse(undefined).success);
    return [shape.type.value, { known: new Set(Object.keys(shape)), required: required.map(([name]) => name) }];
  }),
);

export function isStoredEvent(value: unknown): value is RunEvent {
  const members = isRecord(value) ? membersOf.get(value["type"]) : undefined;
  return (
    isRecord(value) &&
    members !== undefined &&
    Object.keys(value).every((name) => members.known.has(name)) &&
    members.required.every((name) => value[name] !== undefined) &&
    Number.isSafeInteger(value["seq"]) &&
    typeof value["run_id"] === "string"
  );
}

export function isStoredDetail(value: unknown): value is StoredDetail {
  return isRecord(value) && (typeof value["r2"] === "string" || isEventDetail(value["inline"]));
}

function isEventDetail(value: unknown): value is EventDetail {
  return isRecord(value) && (value["calls"] === undefined || Array.isArray(value["calls"]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
