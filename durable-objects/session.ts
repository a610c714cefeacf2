// A session: its runs, one after the other, each an append-only log in this object's SQLite. A thin shell: RPC
// methods and an alarm that call plain functions. The run belongs to the object and never to a connection.

import { DurableObject } from "cloudflare:workers";
import { isTerminal, type NewEvent } from "../src/agent/events.ts";
import type { RunObject } from "../src/agent/run-object.ts";
import { openTurn, type RunState } from "../src/agent/run-state.ts";
import { toRunObject } from "../src/agent/to-run-object.ts";
import type { Env } from "../src/env.ts";
import { runIdOf } from "../src/lib/ids.ts";
import { createEventStream } from "../src/lib/sse.ts";
import { createParts, type Parts } from "../src/parts.ts";
import { createLedger } from "../src/store/ledger.ts";
import { createRecordStore } from "../src/store/records.ts";
import { type RolloutRecord, toRolloutRecord } from "../src/training/rollout-record.ts";
import { deleteDetails, fetchDetail } from "./details.ts";
import { deliverOutbox } from "./outbox.ts";
import { RunLoops } from "./run-loops.ts";
import type {
  EraseOutcome,
  EventPage,
  Found,
  SessionApi,
  SessionObject,
  StartOutcome,
  StartRun,
  StreamOutcome,
} from "./session-api.ts";
import { type RunRow, SessionStore } from "./session-store.ts";

/** How long a silent loop is trusted before the alarm looks after it (DESIGN section 4). */
const defaultLeaseSeconds = 15;
/** A session is a conversation; a caller that queues more than this wants several sessions. */
const maxWaitingRuns = 16;
/** An erasure that meets a fault of R2 or D1 tries again after this. */
const erasureRetryMs = 5000;

export class Session extends DurableObject<Env> implements SessionApi {
  readonly #parts: Parts;
  readonly #store: SessionStore;
  readonly #loops: RunLoops;
  #delivering: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#parts = createParts(env);
    this.#store = new SessionStore(ctx.storage);
    this.#loops = new RunLoops({
      store: this.#store,
      bucket: env.BUCKET,
      parts: this.#parts,
      tenant: () => this.#store.getMeta("tenant") ?? "",
      waitUntil: (promise) => {
        ctx.waitUntil(promise);
      },
      onEnded: () => {
        this.#deliver();
      },
      warn,
    });
  }

  // --- RPC: each call is a chance to notice a run that lost its loop.

  async startRun(input: StartRun): Promise<StartOutcome> {
    if (this.#isErased()) {
      return { kind: "gone" };
    }
    if (input.session === "existing" && this.#store.isEmpty()) {
      return { kind: "unknown_session" };
    }
    this.#loops.ensure();
    const { idempotency } = input;
    const before = idempotency === null ? null : this.#store.findByKey(idempotency.keyHash, this.#now());
    if (before !== null) {
      return before.bodyHash === idempotency?.bodyHash
        ? { kind: "replayed", run: this.#runObject(before.run) }
        : { kind: "key_reused" };
    }
    const waiting = this.#store.unended().length;
    if (waiting > maxWaitingRuns) {
      return { kind: "queue_full", waiting };
    }
    const run = this.#create(input);
    await this.#arm();
    this.#loops.ensure();
    this.#deliver();
    return { kind: "started", run };
  }

  async getRun(runId: string): Promise<Found<RunObject>> {
    return this.#withRun(runId, (run) => this.#runObject(run));
  }

  async waitForEnd(runId: string): Promise<Found<RunObject>> {
    const run = this.#find(runId);
    if (run.kind !== "found") {
      return run;
    }
    await this.#untilEnded(run.value);
    // The run may have been erased while it was waited for.
    return this.getRun(runId);
  }

  async readEvents(runId: string, after: number, limit: number, detail: "public" | "full"): Promise<Found<EventPage>> {
    const found = this.#find(runId);
    if (found.kind !== "found") {
      return found;
    }
    const { ordinal } = found.value;
    const page =
      detail === "full"
        ? (await this.#readLog(ordinal, after, limit + 1)).map((entry) => ({
            ...entry.event,
            ...(entry.detail?.calls === undefined ? {} : { call: entry.detail.calls }),
          }))
        : this.#store.readEvents(ordinal, after, limit + 1);
    const events = page.slice(0, limit);
    const hasMore = page.length > limit;
    const last = events.at(-1);
    const ended = !hasMore && (last === undefined ? found.value.ended_at !== null : isTerminal(last.type));
    return { kind: "found", value: { events, hasMore, ended } };
  }

  async streamEvents(runId: string, after: number): Promise<StreamOutcome> {
    const found = this.#find(runId);
    if (found.kind !== "found") {
      return found;
    }
    const run = found.value;
    const isEnded = (): boolean => (this.#store.findRun(runId)?.ended_at ?? null) !== null || this.#isErased();
    if (run.ended_at !== null && this.#store.readEvents(run.ordinal, after, 1).length === 0) {
      return { kind: "drained" };
    }
    const feed = run.ended_at === null ? this.#loops.feed(run) : null;
    const body = createEventStream({
      after,
      read: (cursor, limit) => this.#store.readEvents(run.ordinal, cursor, limit),
      subscribe: (listener) => feed?.subscribe(listener) ?? (() => undefined),
      snapshot: () => feed?.snapshot() ?? null,
      isEnded,
      startTimer: (delayMs, fire) => {
        const timer = setTimeout(fire, delayMs);
        return () => {
          clearTimeout(timer);
        };
      },
    });
    return { kind: "stream", body };
  }

  async cancelRun(runId: string): Promise<Found<RunObject>> {
    return this.#withRun(runId, (run) => {
      this.#cancel(run);
      return this.#runObject(run);
    });
  }

  async getRecord(runId: string): Promise<Found<Record<string, unknown>>> {
    const found = this.#find(runId);
    if (found.kind !== "found") {
      return found;
    }
    const record = await this.#readRecord(found.value.ordinal);
    return record === null ? { kind: "unknown" } : { kind: "found", value: { ...record } };
  }

  async getSession(): Promise<Found<SessionObject>> {
    if (this.#isErased()) {
      return { kind: "gone" };
    }
    const id = this.#store.getMeta("session_id");
    if (id === null) {
      return { kind: "unknown" };
    }
    this.#loops.ensure();
    const runs = this.#store.runs().map(({ run_id, ordinal: _ordinal, ...run }) => ({ id: run_id, ...run }));
    return { kind: "found", value: { id, created_at: this.#store.getMeta("created_at") ?? "", runs } };
  }

  async erase(): Promise<Found<EraseOutcome>> {
    if (this.#isErased()) {
      return { kind: "gone" };
    }
    if (this.#store.isEmpty()) {
      return { kind: "unknown" };
    }
    for (const run of this.#store.unended()) {
      this.#cancel(run);
    }
    const run_ids = this.#store.erase(new Date(this.#now()).toISOString());
    await this.#arm();
    this.#deliver();
    return { kind: "found", value: { run_ids } };
  }

  async wake(): Promise<void> {
    await this.alarm();
  }

  /** Sets the next alarm before anything else, and never waits for a run. */
  override async alarm(): Promise<void> {
    await this.#arm();
    this.#loops.dropSilent(2 * this.#parts.longestCallMs);
    this.#loops.ensure();
    this.#deliver();
    await this.#delivering;
    await this.#arm();
  }

  // --- what they share

  #now(): number {
    return this.#parts.clock.now();
  }

  #isErased(): boolean {
    return this.#store.getMeta("erased_at") !== null;
  }

  #find(runId: string): Found<RunRow> {
    if (this.#isErased()) {
      return { kind: "gone" };
    }
    const run = this.#store.findRun(runId);
    if (run === null) {
      return { kind: "unknown" };
    }
    this.#loops.ensure();
    return { kind: "found", value: run };
  }

  #withRun<T>(runId: string, read: (run: RunRow) => T): Found<T> {
    const found = this.#find(runId);
    return found.kind === "found" ? { kind: "found", value: read(found.value) } : found;
  }

  #state(run: RunRow): RunState {
    const state = this.#store.readState(run.ordinal);
    if (state === null) {
      throw new Error(`${run.run_id} has a row and no log`);
    }
    return state;
  }

  #runObject(run: RunRow): RunObject {
    return toRunObject(this.#state(run));
  }

  #create(input: StartRun): RunObject {
    const { tenant, sessionId, spec, reference, idempotency } = input;
    const event: NewEvent = {
      type: "run.created",
      turn: null,
      ...spec,
      session_id: sessionId,
      ...(reference === null ? {} : { detail: { reference } }),
    };
    const prepared = { event, detail: reference === null ? null : { inline: { reference } } };
    const at = new Date(this.#now()).toISOString();
    const runId = (ordinal: number): string => runIdOf(sessionId, ordinal);
    const created = this.#store.createRun(
      { tenant, sessionId },
      { runId, event: prepared, at, query: spec.query },
      idempotency,
    );
    this.#loops.created(created.ordinal);
    const run = this.#store.findRun(created.event.run_id);
    if (run === null) {
      throw new Error(`${created.event.run_id} was not created`);
    }
    return this.#runObject(run);
  }

  #cancel(run: RunRow): void {
    if (run.ended_at !== null) {
      return;
    }
    const state = this.#state(run);
    this.#loops.append(
      run,
      cancellation(state).map((event) => ({ event, detail: null })),
      this.#store.activeMs(run.ordinal),
    );
    this.#loops.abort(run.ordinal);
  }

  #untilEnded(run: RunRow): Promise<void> {
    if (run.ended_at !== null) {
      return Promise.resolve();
    }
    const feed = this.#loops.feed(run);
    return new Promise((resolve) => {
      const stop = feed.subscribe((news) => {
        if (news.kind === "appended" && isTerminal(news.event.type)) {
          stop();
          resolve();
        }
      });
    });
  }

  #readLog(ordinal: number, after: number, limit: number) {
    return this.#store.readLog(ordinal, after, limit, (key) => fetchDetail(this.env.BUCKET, key));
  }

  async #readRecord(ordinal: number): Promise<RolloutRecord | null> {
    return toRolloutRecord(await this.#readLog(ordinal, 0, Number.MAX_SAFE_INTEGER));
  }

  /** Sets the alarm to the next thing that is open: the lease of a run, the outbox, an erasure. */
  async #arm(): Promise<void> {
    const now = this.#now();
    const lease = Number(this.env.LEASE_SECONDS ?? "") || defaultLeaseSeconds;
    const due = [
      ...(this.#store.unended().length > 0 ? [now + lease * 1000] : []),
      ...this.#store.outbox().map((row) => Math.max(row.next_at, now + 1000)),
      ...(this.#store.erasing() === null ? [] : [now + erasureRetryMs]),
    ];
    if (due.length > 0) {
      await this.ctx.storage.setAlarm(Math.min(...due));
    }
  }

  /** Delivers what is due, in the background, one delivery at a time. */
  #deliver(): void {
    const before = this.#delivering ?? Promise.resolve();
    const delivery = before
      .then(() => this.#deliverNow())
      .finally(() => {
        if (this.#delivering === delivery) {
          this.#delivering = null;
        }
      });
    this.#delivering = delivery;
    this.ctx.waitUntil(delivery);
  }

  async #deliverNow(): Promise<void> {
    const tenant = this.#store.getMeta("tenant");
    if (tenant === null) {
      return;
    }
    const ledger = createLedger(this.env.DB);
    const records = createRecordStore(this.env.BUCKET);
    const erasing = this.#store.erasing();
    if (erasing === null) {
      await deliverOutbox({
        store: this.#store,
        ledger,
        records,
        tenant,
        readRecord: (ordinal) => this.#readRecord(ordinal),
        now: () => this.#now(),
        random: this.#parts.random,
        warn,
      });
      return;
    }
    try {
      await records.delete(tenant, erasing);
      await Promise.all(erasing.map((runId) => deleteDetails(this.env.BUCKET, tenant, runId)));
      await ledger.eraseSession(
        tenant,
        this.#store.getMeta("session_id") ?? "",
        this.#store.getMeta("erased_at") ?? "",
      );
      this.#store.settleErasure();
    } catch (error) {
      warn("an erasure waits", error);
    }
  }
}

/** Ends a run by request: the call under way is closed first, so that the log holds no open call. */
function cancellation(state: RunState): NewEvent[] {
  const open = openTurn(state);
  const index = open?.calls.findIndex((call) => call.status === "running") ?? -1;
  const cancelled: NewEvent = { type: "run.cancelled", turn: null, usage: state.usage };
  if (open === null || index < 0) {
    return [cancelled];
  }
  const error = { code: "cancelled", detail: "the run was cancelled" };
  const tool = open.command?.tool ?? "";
  return [
    { type: "tool.failed", turn: open.turn, call_index: index, tool, error, cut: false, ms: 0, produced_by: tool },
    cancelled,
  ];
}

function warn(message: string, error: unknown): void {
  console.warn(
    JSON.stringify({
      level: "warn",
      message,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  );
}
