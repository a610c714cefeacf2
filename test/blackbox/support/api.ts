// The API as a caller uses it, every reply checked against the schema that the service publishes. No assertions
// of its own beyond that.

import * as z from "zod";
import { type RunEvent, RunEventSchema } from "../../../src/agent/events.ts";
import { LateReward, RunObject } from "../../../src/agent/run-object.ts";
import { Problem } from "../../../src/http/problem.ts";
import { pageOf, RunSummary } from "../../../src/http/wire.ts";
import { RolloutRecord } from "../../../src/training/rollout-record.ts";
import { openStream, type SseReader } from "../../support/sse-client.ts";
import { until } from "../../support/until.ts";

export interface SolveBody {
  readonly query: string;
  readonly session_id?: string;
  readonly tools?: readonly string[];
  readonly outputs?: readonly string[];
  readonly limits?: { readonly max_turns?: number; readonly max_seconds?: number; readonly max_tokens?: number };
  readonly sampling?: { readonly temperature?: number; readonly seed?: number };
  readonly policy?: string;
  readonly background?: boolean;
  readonly stream?: boolean;
  readonly reference?: { readonly answers?: readonly string[]; readonly reward?: unknown };
}

export interface Api {
  readonly url: string;
  send(method: string, path: string, options?: { body?: unknown; headers?: Record<string, string> }): Promise<Response>;
  /** Starts a run in the background. */
  start(body: SolveBody, headers?: Record<string, string>): Promise<RunObject>;
  /** Waits for the run's end on the connection that started it. */
  solve(body: SolveBody, headers?: Record<string, string>): Promise<RunObject>;
  run(id: string): Promise<RunObject>;
  ended(id: string): Promise<RunObject>;
  events(id: string): Promise<RunEvent[]>;
  stream(id: string, options?: { after?: number; lastEventId?: number }): Promise<SseReader>;
  record(id: string): Promise<RecordReply>;
  /** The ledger's rows, newest first, every page; it never touches a session. */
  ledger(): Promise<RunSummary[]>;
}

/** Late rewards stand beside what the log says. */
const RecordReply = RolloutRecord.extend({ rewards: z.array(LateReward).optional() });
type RecordReply = z.infer<typeof RecordReply>;

const RunPage = pageOf(RunSummary);
const EventPage = pageOf(RunEventSchema);

/** `key` goes with every request. */
export function apiOf(url: string, key?: string): Api {
  const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const send: Api["send"] = (method, path, { body, headers = {} } = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...authorization, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const run = async (id: string) => read(RunObject, await send("GET", `/v1/runs/${id}`), 200);
  return {
    url,
    send,
    run,
    start: async (body, headers = {}) =>
      read(RunObject, await send("POST", "/v1/solve", { body: { ...body, background: true }, headers }), 202),
    solve: async (body, headers = {}) => read(RunObject, await send("POST", "/v1/solve", { body, headers }), 200),
    ended: (id) =>
      until(`${id} ends`, async () => {
        const seen = await run(id);
        return seen.ended_at === null ? null : seen;
      }),
    events: async (id) =>
      pages(EventPage, (cursor) => send("GET", `/v1/runs/${id}/events?limit=500&starting_after=${cursor ?? 0}`, json)),
    stream: (id, { after, lastEventId } = {}) =>
      openStream(`${url}/v1/runs/${id}/events${after === undefined ? "" : `?starting_after=${after}`}`, {
        headers: { ...authorization, ...(lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) }) },
      }),
    record: async (id) => read(RecordReply, await send("GET", `/v1/runs/${id}/record`), 200),
    ledger: () =>
      pages(RunPage, (cursor) => send("GET", `/v1/runs?limit=100${cursor === null ? "" : `&cursor=${cursor}`}`)),
  };
}

const json = { headers: { accept: "application/json" } };

/** The body, checked; throws with the body's text where the status is another. */
export async function read<T>(schema: z.ZodType<T>, response: Response, status: number): Promise<T> {
  const text = await response.text();
  if (response.status !== status) {
    throw new Error(`expected ${status}, got ${response.status}: ${text.slice(0, 1000)}`);
  }
  return schema.parse(JSON.parse(text));
}

/** The code of a problem document. */
export async function problemOf(response: Response): Promise<{ status: number; code: string }> {
  const { status, code } = Problem.parse(await response.json());
  return { status: status === response.status ? status : Number.NaN, code };
}

interface Page<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

async function pages<T>(schema: z.ZodType<Page<T>>, ask: (cursor: string | null) => Promise<Response>): Promise<T[]> {
  const found: T[] = [];
  for (let cursor: string | null = null; ;) {
    const page: Page<T> = await read(schema, await ask(cursor), 200);
    found.push(...page.data);
    if (!page.has_more || page.next_cursor === null) {
      return found;
    }
    cursor = page.next_cursor;
  }
}
