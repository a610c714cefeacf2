// Which loop runs. A session runs one run at a time; `ensure` alone starts a loop, is called by every RPC and by
// the alarm, and does nothing while one is alive or rests after a fault. A run that an earlier loop left unended was cut off by a crash or
// an eviction, and its recovery goes into the log first.

import type { Delta, RunLog } from "../src/agent/deps.ts";
import { isTerminal, type NewEvent } from "../src/agent/events.ts";
import { runLoop } from "../src/agent/loop.ts";
import { recover } from "../src/agent/recover.ts";
import { noTokens, type RunState } from "../src/agent/run-state.ts";
import type { Parts } from "../src/parts.ts";
import { discardDetails, prepareEvent } from "./details.ts";
import { type PreparedEvent, UnreadableLogError } from "./event-table.ts";
import { type LoopRest, nextRest } from "./loop-rest.ts";
import { RunFeed } from "./run-feed.ts";
import type { RunRow } from "./run-table.ts";
import type { SessionStore } from "./session-store.ts";

interface Loop {
  readonly ordinal: number;
  readonly abort: AbortController;
  readonly feed: RunFeed;
  /** When it last gave a sign of life, milliseconds since the epoch. */
  activeAt: number;
}

export interface LoopHost {
  readonly store: SessionStore;
  readonly bucket: R2Bucket;
  readonly parts: Parts;
  readonly tenant: () => string;
  readonly leaseMs: number;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** Called after each commit that ended a run. */
  readonly onEnded: () => void;
  readonly warn: (message: string, error: unknown) => void;
}

/** DESIGN section 3: how much of a session's past a run sees. */
const maxEarlierAnswers = 10;

export class RunLoops {
  readonly #host: LoopHost;
  readonly #feeds = new Map<number, RunFeed>();
  /** Runs whose first loop has not started: there is nothing to recover. */
  readonly #fresh: Set<number>;
  #loop: Loop | null = null;
  /** Of the run whose loop broke off: callers that ask for it again and again must not use up its recoveries. */
  #rest: LoopRest | null = null;

  constructor(host: LoopHost) {
    this.#host = host;
    // Only the first of those that an earlier incarnation left can have had a loop; the others were waiting.
    this.#fresh = new Set(
      host.store.runs
        .unended()
        .slice(1)
        .map((run) => run.ordinal),
    );
  }

  created(ordinal: number): void {
    this.#fresh.add(ordinal);
  }

  feed(run: Pick<RunRow, "ordinal" | "run_id">): RunFeed {
    const known = this.#feeds.get(run.ordinal);
    if (known !== undefined) {
      return known;
    }
    const feed = new RunFeed(run.run_id, this.#host.store.lastSeq(run.ordinal));
    this.#feeds.set(run.ordinal, feed);
    return feed;
  }

  /** Starts the loop of the session's first unended run, unless one is alive. */
  ensure(): void {
    const [run] = this.#loop === null ? this.#host.store.runs.unended() : [];
    if (run === undefined || (run.ordinal === this.#rest?.ordinal && this.#rest.isResting)) {
      return;
    }
    const activeAt = this.#host.parts.clock.now();
    const loop: Loop = { ordinal: run.ordinal, abort: new AbortController(), feed: this.feed(run), activeAt };
    this.#loop = loop;
    this.#host.waitUntil(this.#run(run, loop));
  }

  /** As `ensure`, for the alarm: a run whose loop broke off may have rested long enough. */
  revive(): void {
    if (this.#rest !== null && this.#host.parts.clock.now() >= this.#rest.untilMs) {
      this.#rest = { ...this.#rest, isResting: false };
    }
    this.ensure();
  }

  /** Takes away a loop that gave no sign of life for `silenceMs`; the next `ensure` starts another. */
  dropSilent(silenceMs: number): void {
    const loop = this.#loop;
    if (loop !== null && this.#host.parts.clock.now() - loop.activeAt > silenceMs) {
      loop.abort.abort();
      this.#loop = null;
    }
  }

  /** Aborts the call in flight of a run, if it has one. */
  abort(ordinal: number): void {
    if (this.#loop?.ordinal === ordinal) {
      this.#loop.abort.abort();
      // Its appends are refused from now on, so the session's next run need not wait for what is still in flight.
      this.#loop = null;
    }
  }

  /** Commits events to a run's log and tells its viewers. Null: the run had ended. */
  append(run: RunRow, events: readonly PreparedEvent[], activeMs: number) {
    const at = new Date(this.#host.parts.clock.now()).toISOString();
    const stored = this.#host.store.append({ ordinal: run.ordinal, runId: run.run_id }, events, at, activeMs);
    if (stored !== null) {
      this.feed(run).appended(stored);
      if (stored.some((event) => isTerminal(event.type))) {
        this.#feeds.delete(run.ordinal);
        this.#fresh.delete(run.ordinal);
        this.#host.onEnded();
      }
    }
    return stored;
  }

  async #run(run: RunRow, loop: Loop): Promise<void> {
    const { parts, leaseMs } = this.#host;
    try {
      const state = await this.#takeUp(run);
      if (state !== null) {
        await this.#runFrom(run, loop, state);
      }
    } catch (error) {
      // Platform faults and bugs alike: not retried in this invocation, the lease brings the run back.
      this.#host.warn(`the loop of ${run.run_id} broke off`, error);
      if (this.#loop === loop) {
        this.#rest = nextRest(this.#rest, run.ordinal, { nowMs: parts.clock.now(), leaseMs });
      }
    }
    // Whatever of it is still in flight must not write or speak beside the loop that comes next.
    loop.abort.abort();
    if (this.#loop === loop) {
      this.#loop = null;
      this.ensure();
    }
  }

  async #runFrom(run: RunRow, loop: Loop, state: RunState): Promise<void> {
    const { parts } = this.#host;
    const tenant = this.#host.tenant();
    const policy = await parts.policies.endpointOf(tenant, state.spec.policy);
    const ownTools = state.spec.rollout === undefined ? parts.tools : parts.rolloutTools;
    const tools = await parts.toolProvider.toolsOfRun(tenant, state.spec.tools, ownTools);
    if (loop.abort.signal.aborted) {
      return;
    }
    if (!policy.ok) {
      const event: NewEvent = { type: "run.failed", turn: null, problem: policy.error, usage: state.usage };
      this.append(run, [{ event, detail: null }], this.#host.store.activeMs(run.ordinal));
      return;
    }
    await runLoop({
      ...this.#depsOf(run, loop, state),
      tools,
      ...(state.spec.tool_results === "kept" ? { results: parts.toolResults.of(tenant) } : {}),
      // The configured planner may be another one since the run was created: its turns say which.
      ...(policy.value === null ? { policyVersion: parts.policy.version } : { policy: policy.value }),
    });
  }

  /** The state to go on from, the recovery noted first; null if the run has ended by it. */
  async #takeUp(run: RunRow): Promise<RunState | null> {
    const { store } = this.#host;
    const state = this.#readable(run);
    if (state === null || this.#fresh.delete(run.ordinal)) {
      return state;
    }
    const activeMs = store.activeMs(run.ordinal);
    const event = recover(state, { activeMs, limit: null });
    if (event === null) {
      return null;
    }
    this.append(run, [{ event, detail: null }], activeMs);
    return event.type === "run.failed" ? null : store.readState(run.ordinal);
  }

  /** Null for a log that this version cannot read: its run is failed, or it would hold up its session for ever. */
  #readable(run: RunRow): RunState | null {
    try {
      return this.#host.store.readState(run.ordinal);
    } catch (error) {
      if (!(error instanceof UnreadableLogError)) {
        throw error;
      }
      this.#host.warn(`the log of ${run.run_id} cannot be read`, error);
      const problem = { code: "log_unreadable", detail: "this version of the service cannot read the run's log" };
      const event: NewEvent = { type: "run.failed", turn: null, problem, usage: { total: noTokens, by_role: {} } };
      this.append(run, [{ event, detail: null }], 0);
      return null;
    }
  }

  #depsOf(run: RunRow, loop: Loop, state: RunState) {
    const { parts, store } = this.#host;
    const { clock } = parts;
    return {
      tenant: this.#host.tenant(),
      engine: parts.engine,
      history: store.runs.earlierAnswers(run.ordinal, maxEarlierAnswers),
      reference: store.events.reference(run.ordinal),
      clock,
      random: parts.random,
      log: this.#logOf(run, loop, state),
      onDelta: (delta: Delta) => {
        if (!loop.abort.signal.aborted) {
          loop.activeAt = clock.now();
          loop.feed.delta(delta, loop.activeAt);
        }
      },
      signal: loop.abort.signal,
      activeMs: store.activeMs(run.ordinal),
    };
  }

  #logOf(run: RunRow, loop: Loop, initial: RunState): RunLog {
    const { bucket, parts, store } = this.#host;
    const tenant = this.#host.tenant();
    const stores = { bucket, clock: parts.clock, random: parts.random, signal: loop.abort.signal };
    let state = initial;
    const append = async (events: readonly NewEvent[], activeMs: number) => {
      const prepared = await Promise.all(events.map((event) => prepareEvent(stores, tenant, run.run_id, event)));
      // A loop that was taken away must not write beside the one that took its place.
      const stored = loop.abort.signal.aborted ? null : this.append(run, prepared, activeMs);
      if (stored === null) {
        await discardDetails(bucket, prepared);
        return "ended" as const;
      }
      loop.activeAt = parts.clock.now();
      this.#rest = null;
      state = store.readState(run.ordinal) ?? state;
      return "appended" as const;
    };
    return {
      get state() {
        return state;
      },
      append,
    };
  }
}
