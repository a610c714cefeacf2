// A session: its runs, one after the other, each an append-only log in this object's SQLite. A thin shell: RPC
// methods and an alarm that call plain functions. The run belongs to the object and never to a connection.

import { DurableObject } from "cloudflare:workers";
import type { RunObject } from "../src/agent/run-object.ts";
import type { Env } from "../src/env.ts";
import { createParts, type Parts } from "../src/parts.ts";
import { admitRun } from "./admit-run.ts";
import { cancellationOf } from "./cancellation.ts";
import { createRun } from "./create-run.ts";
import { Deliveries } from "./deliveries.ts";
import { leaseMsOf } from "./lease.ts";
import { RunLoops } from "./run-loops.ts";
import { SessionAlarm } from "./session-alarm.ts";
import type {
  EraseOutcome,
  EventPage,
  Found,
  SessionApi,
  SessionObject,
  SessionPage,
  StartOutcome,
  StartRun,
  StreamOutcome,
} from "./session-api.ts";
import { maxListedRuns, SessionReads } from "./session-reads.ts";
import type { RunRow } from "./run-table.ts";
import { SessionStore } from "./session-store.ts";
import { warn } from "./warn.ts";

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
  readonly #deliveries: Deliveries;
  readonly #reads: SessionReads;

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
    this.#reads = new SessionReads({
      store: this.#store,
      bucket: env.BUCKET,
      feed: (run) => this.#loops.feed(run),
    });
    this.#deliveries = new Deliveries({
      env,
      store: this.#store,
      parts: this.#parts,
      readLog: (ordinal) => this.#reads.recordedLog(ordinal),
      settled: () => this.#alarm.arm(),
      waitUntil,
    });
    this.#loops = new RunLoops({
      store: this.#store,
      bucket: env.BUCKET,
      parts: this.#parts,
      tenant: () => this.#store.meta.get("tenant") ?? "",
      leaseMs: leaseMsOf(env),
      waitUntil,
      onEnded: () => {
        this.#deliveries.start();
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
    const admission = admitRun(this.#store, input, this.#now());
    if (admission.kind === "replayed") {
      return { kind: "replayed", run: this.#reads.run(admission.run) };
    }
    if (admission.kind !== "admitted") {
      return admission;
    }
    const run = createRun(this.#store, input, this.#now(), this.#parts.blocklist.note);
    this.#loops.created(run.ordinal);
    const started = this.#reads.run(run);
    await this.#alarm.arm();
    this.#loops.ensure();
    this.#deliveries.startSoon(input.spec);
    return { kind: "started", run: started };
  }

  async getRun(runId: string): Promise<Found<RunObject>> {
    return this.#withRun(runId, (run) => this.#reads.run(run));
  }

  async waitForEnd(runId: string): Promise<Found<RunObject>> {
    const run = this.#find(runId);
    if (run.kind !== "found") {
      return run;
    }
    if (run.value.ended_at === null) {
      await this.#loops.feed(run.value).ended;
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
    return detail === "public"
      ? this.#reads.page(run, after, limit)
      : this.#unlessErased(() => this.#reads.detailedPage(run, after, limit));
  }

  async streamEvents(runId: string, after: number, detail: "public" | "full"): Promise<StreamOutcome> {
    const found = this.#find(runId);
    return found.kind === "found" ? this.#reads.stream(found.value, after, detail) : found;
  }

  async cancelRun(runId: string): Promise<Found<RunObject>> {
    return this.#withRun(runId, (run) => {
      this.#cancel(run);
      this.#loops.ensure();
      return this.#reads.run(run);
    });
  }

  async getRecord(runId: string): Promise<Found<Record<string, unknown>>> {
    const found = this.#find(runId);
    return found.kind === "found" ? this.#unlessErased(() => this.#reads.record(found.value)) : found;
  }

  async getSession(page: SessionPage = { after: null, limit: maxListedRuns }): Promise<Found<SessionObject>> {
    if (this.#isErased()) {
      return { kind: "gone" };
    }
    const session = this.#reads.session(page);
    if (session === null) {
      return { kind: "unknown" };
    }
    this.#attend();
    return { kind: "found", value: session };
  }

  async erase(): Promise<Found<EraseOutcome>> {
    if (this.#isErased()) {
      return { kind: "gone" };
    }
    if (this.#store.isEmpty()) {
      return { kind: "unknown" };
    }
    for (const run of this.#store.runs.unended()) {
      this.#cancel(run);
    }
    const run_ids = this.#store.erase(new Date(this.#now()).toISOString());
    await this.#alarm.arm();
    this.#deliveries.start();
    return { kind: "found", value: { run_ids } };
  }

  /** The cron wakes many: it does not wait for a delivery. */
  async wake(): Promise<void> {
    await this.#alarm.arm();
    this.#loops.revive();
    this.#deliveries.start();
  }

  /** Sets the next alarm before anything else, never waits for a run, and for a delivery only so long. */
  override async alarm(): Promise<void> {
    this.#alarm.rang();
    await this.#alarm.arm();
    this.#loops.dropSilent(2 * this.#parts.longestCallMs);
    this.#loops.revive();
    this.#deliveries.start();
    // Alarms do not overlap: a store that does not answer must not keep the next one from looking after the loop.
    const answered = new AbortController();
    await Promise.race([this.#deliveries.idle(), this.#parts.clock.sleep(leaseMsOf(this.env), answered.signal)]);
    answered.abort();
  }

  // --- what they share

  #now(): number {
    return this.#parts.clock.now();
  }

  #isErased(): boolean {
    return this.#store.meta.get("erased_at") !== null;
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
    const run = this.#store.runs.find(runId);
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

  #cancel(run: RunRow): void {
    if (run.ended_at !== null) {
      return;
    }
    this.#loops.append(
      run,
      cancellationOf(run.run_id, () => this.#reads.state(run)).map((event) => ({ event, detail: null })),
      this.#store.activeMs(run.ordinal),
    );
    this.#loops.abort(run.ordinal);
  }
}
