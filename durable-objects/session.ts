// A session: its runs, one after the other, each an append-only log in this object's SQLite. A thin shell: RPC
// methods and an alarm that call plain functions. The run belongs to the object and never to a connection.

import { DurableObject } from "cloudflare:workers";
import type { RunObject } from "../src/agent/run-object.ts";
import type { NewEvent } from "../src/agent/events.ts";
import { noTokens, type RunState } from "../src/agent/run-state.ts";
import { toRunObject } from "../src/agent/to-run-object.ts";
import type { Env } from "../src/env.ts";
import { createParts, type Parts } from "../src/parts.ts";
import { isRecorded, toRolloutRecord } from "../src/training/rollout-record.ts";
import { cancellation } from "./cancellation.ts";
import { createRun } from "./create-run.ts";
import { deliverOwed } from "./deliver-owed.ts";
import { Delivery } from "./delivery.ts";
import { detailedReads } from "./detailed-reader.ts";
import { fetchDetail } from "./details.ts";
import { RunLoops } from "./run-loops.ts";
import { openStream, publicReads, toPage, untilEnded, withCalls } from "./run-reader.ts";
import { SessionAlarm } from "./session-alarm.ts";
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
import { warn } from "./warn.ts";

/** How long a silent loop is trusted before the alarm looks after it (DESIGN section 4). */
const defaultLeaseSeconds = 15;
/** A session is a conversation; a caller that queues more than this wants several sessions. */
const maxWaitingRuns = 16;

// One set of parts an isolate: they hold nothing of an object's own, and building them costs milliseconds.
const partsOf = new WeakMap<Env, Parts>();

function sharedParts(env: Env): Parts {
  const parts = partsOf.get(env) ?? createParts(env);
  partsOf.set(env, parts);
  return parts;
}

export class Session extends DurableObject<Env> implements SessionApi {
  readonly #parts: Parts;
  readonly #store: SessionStore;
  readonly #loops: RunLoops;
  readonly #alarm: SessionAlarm;
  readonly #delivery: Delivery;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const waitUntil = (promise: Promise<unknown>): void => {
      ctx.waitUntil(promise);
    };
    this.#parts = sharedParts(env);
    this.#store = new SessionStore(ctx.storage);
    this.#alarm = new SessionAlarm({
      storage: ctx.storage,
      openWork: () => this.#store.openWork(),
      now: () => this.#now(),
      leaseMs: leaseMsOf(env),
    });
    this.#delivery = new Delivery({
      pass: () =>
        deliverOwed({
          env,
          store: this.#store,
          readLog: (ordinal) => this.#readRecorded(ordinal),
          now: () => this.#now(),
          random: this.#parts.random,
          warn,
        }),
      settled: () => this.#alarm.arm(),
      waitUntil,
    });
    this.#loops = new RunLoops({
      store: this.#store,
      bucket: env.BUCKET,
      parts: this.#parts,
      tenant: () => this.#store.getMeta("tenant") ?? "",
      waitUntil,
      onEnded: () => {
        this.#delivery.start();
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
    this.#attend();
    const { idempotency } = input;
    const before = idempotency === null ? null : this.#store.findByKey(idempotency.keyHash, this.#now());
    if (before !== null) {
      return before.bodyHash === idempotency?.bodyHash
        ? { kind: "replayed", run: this.#runObject(before.run) }
        : { kind: "key_reused" };
    }
    const waiting = this.#store.unended().length - 1;
    if (waiting >= maxWaitingRuns) {
      return { kind: "queue_full", waiting };
    }
    const run = createRun(this.#store, input, this.#now());
    this.#loops.created(run.ordinal);
    const started = this.#runObject(run);
    await this.#alarm.arm();
    this.#loops.ensure();
    this.#delivery.start();
    return { kind: "started", run: started };
  }

  async getRun(runId: string): Promise<Found<RunObject>> {
    return this.#withRun(runId, (run) => this.#runObject(run));
  }

  async waitForEnd(runId: string): Promise<Found<RunObject>> {
    const run = this.#find(runId);
    if (run.kind !== "found") {
      return run;
    }
    if (run.value.ended_at === null) {
      await untilEnded(this.#loops.feed(run.value));
    }
    // The run may have been erased while it was waited for.
    return this.getRun(runId);
  }

  async readEvents(runId: string, after: number, limit: number, detail: "public" | "full"): Promise<Found<EventPage>> {
    const found = this.#find(runId);
    if (found.kind !== "found") {
      return found;
    }
    const run = found.value;
    if (detail === "public") {
      return { kind: "found", value: toPage(run, this.#store.events.read(run.ordinal, after, limit + 1), limit) };
    }
    return this.#unlessErased(async () => {
      const entries = await this.#readLog(run.ordinal, after, limit + 1);
      return { kind: "found", value: toPage(run, entries.map(withCalls), limit) };
    });
  }

  async streamEvents(runId: string, after: number, detail: "public" | "full"): Promise<StreamOutcome> {
    const found = this.#find(runId);
    if (found.kind !== "found") {
      return found;
    }
    const run = found.value;
    if (run.ended_at !== null && this.#store.events.read(run.ordinal, after, 1).length === 0) {
      return { kind: "drained" };
    }
    const feed = run.ended_at === null ? this.#loops.feed(run) : null;
    const source = { store: this.#store, run, feed, after };
    const reads = detail === "full" ? detailedReads(source, this.#fetchDetail) : publicReads(source);
    return { kind: "stream", body: openStream(source, reads) };
  }

  async cancelRun(runId: string): Promise<Found<RunObject>> {
    return this.#withRun(runId, (run) => {
      this.#cancel(run);
      this.#loops.ensure();
      return this.#runObject(run);
    });
  }

  async getRecord(runId: string): Promise<Found<Record<string, unknown>>> {
    const found = this.#find(runId);
    if (found.kind !== "found") {
      return found;
    }
    return this.#unlessErased(async () => {
      const record = toRolloutRecord(await this.#readRecorded(found.value.ordinal));
      return record === null ? { kind: "unknown" } : { kind: "found", value: { ...record } };
    });
  }

  async getSession(): Promise<Found<SessionObject>> {
    if (this.#isErased()) {
      return { kind: "gone" };
    }
    const id = this.#store.getMeta("session_id");
    if (id === null) {
      return { kind: "unknown" };
    }
    this.#attend();
    const runs = this.#store.runs().map(toListedRun);
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
    await this.#alarm.arm();
    this.#delivery.start();
    return { kind: "found", value: { run_ids } };
  }

  /** The cron wakes many: it does not wait for a delivery. */
  async wake(): Promise<void> {
    await this.#alarm.arm();
    this.#loops.revive();
    this.#delivery.start();
  }

  /** Sets the next alarm before anything else, never waits for a run, and for a delivery only so long. */
  override async alarm(): Promise<void> {
    this.#alarm.rang();
    await this.#alarm.arm();
    this.#loops.dropSilent(2 * this.#parts.longestCallMs);
    this.#loops.revive();
    this.#delivery.start();
    // Alarms do not overlap: a store that does not answer must not keep the next one from looking after the loop.
    const answered = new AbortController();
    await Promise.race([this.#delivery.idle(), this.#parts.clock.sleep(leaseMsOf(this.env), answered.signal)]);
    answered.abort();
  }

  // --- what they share

  #now(): number {
    return this.#parts.clock.now();
  }

  #isErased(): boolean {
    return this.#store.getMeta("erased_at") !== null;
  }

  /** Sees to it that the first unended run has its loop, and the object its alarm. */
  #attend(): void {
    this.#loops.ensure();
    this.ctx.waitUntil(this.#alarm.keep());
  }

  #find(runId: string): Found<RunRow> {
    if (this.#isErased()) {
      return { kind: "gone" };
    }
    this.#attend();
    // Looked up only now: taking a run up may have ended it.
    const run = this.#store.findRun(runId);
    return run === null ? { kind: "unknown" } : { kind: "found", value: run };
  }

  #withRun<T>(runId: string, read: (run: RunRow) => T): Found<T> {
    const found = this.#find(runId);
    return found.kind === "found" ? { kind: "found", value: read(found.value) } : found;
  }

  /** A read that waits for R2 may find the session erased under it. */
  async #unlessErased<T>(read: () => Promise<Found<T>>): Promise<Found<T>> {
    try {
      return await read();
    } catch (error) {
      if (this.#isErased()) {
        return { kind: "gone" };
      }
      throw error;
    }
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

  #cancel(run: RunRow): void {
    if (run.ended_at !== null) {
      return;
    }
    this.#loops.append(
      run,
      this.#cancellation(run).map((event) => ({ event, detail: null })),
      this.#store.events.activeMs(run.ordinal),
    );
    this.#loops.abort(run.ordinal);
  }

  /** A log that cannot be read can still be ended: neither cancel nor erasure may depend on it. */
  #cancellation(run: RunRow): NewEvent[] {
    try {
      return cancellation(this.#state(run));
    } catch (error) {
      warn(`the log of ${run.run_id} cannot be read`, error);
      return [{ type: "run.cancelled", turn: null, usage: { total: noTokens, by_role: {} } }];
    }
  }

  readonly #fetchDetail = (key: string) => fetchDetail(this.env.BUCKET, key);

  #readLog(ordinal: number, after: number, limit: number) {
    return this.#store.events.readLog(ordinal, after, limit, this.#fetchDetail);
  }

  /** A whole log, with the details that a record is made of. */
  #readRecorded(ordinal: number) {
    return this.#store.events.readLog(ordinal, 0, Number.MAX_SAFE_INTEGER, this.#fetchDetail, isRecorded);
  }
}

/** A session's list shows the beginning of long texts; the run itself has them whole. */
const maxListedChars = 500;

function toListedRun({ run_id, ordinal: _ordinal, query, answer, ...run }: RunRow): SessionObject["runs"][number] {
  const brief = (text: string): string => text.slice(0, maxListedChars).toWellFormed();
  return { id: run_id, query: brief(query), answer: answer === null ? null : brief(answer), ...run };
}

/** What is not a positive number means the default. */
function leaseMsOf(env: Env): number {
  const seconds = Number(env.LEASE_SECONDS ?? "");
  return (Number.isFinite(seconds) && seconds > 0 ? seconds : defaultLeaseSeconds) * 1000;
}
