// Starts a batch's rollouts, as many at a time as it may, and asks after those that fell silent. Starting is the same
// request however often it is made, so that a crash between decision and call costs a repeat and nothing else.

import type { Clock } from "../src/engines/clock.ts";
import { rolloutNameOf } from "../src/training/batch-names.ts";
import type { RolloutReport } from "./batch-api.ts";
import { type NamedSlot, reserve } from "./batch-changes.ts";
import { Lanes } from "./batch-lanes.ts";
import type { RolloutSlot } from "./batch-rollouts.ts";
import type { BatchStore } from "./batch-store.ts";
import { UnreadableTaskError } from "./batch-uploads.ts";
import { Delivery } from "./delivery.ts";
import { toStart } from "./rollout-start.ts";
import type { SessionApi, StartOutcome } from "./session-api.ts";
import { within } from "./within.ts";

export type RolloutSession = Pick<SessionApi, "startRun" | "cancelRun" | "wake">;

export interface StarterHost {
  readonly store: BatchStore;
  /** A new stub for each call, for a stub may be broken. */
  readonly sessions: (tenant: string, sessionId: string) => RolloutSession;
  readonly clock: Clock;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  readonly warn: (message: string, error: unknown) => void;
  /** A rollout that cannot report its own end. */
  readonly onLost: (report: RolloutReport) => void;
  /** The batch's own rows cannot be read. */
  readonly onBroken: (error: unknown) => void;
}

/** Of the six requests that may wait for headers (platform limit), one is left for the ledger. */
const lanes = 5;
/** A session answers in milliseconds; one that is being moved takes seconds. */
const callTimeoutMs = 30_000;
/** A run that was heard of within this time is not asked after. */
const silentMs = 60_000;
/** A session that refuses so often is lost to the platform; its rollout is redone in another. */
const maxFailures = 5;

interface Asked extends NamedSlot {
  readonly sessionId: string;
  readonly taskId: string;
}

export class RolloutStarter {
  readonly #host: StarterHost;
  readonly #lanes: Lanes;
  readonly #filling: Delivery;
  /** When the session of a running rollout was last heard of, or is being asked (Infinity); nothing survives here. */
  readonly #heard = new Map<string, number>();
  readonly #failures = new Map<string, number>();

  constructor(host: StarterHost) {
    this.#host = host;
    this.#lanes = new Lanes(lanes, host.waitUntil);
    this.#filling = new Delivery({
      pass: () => this.#guarded(() => this.#fill()),
      settled: () => Promise.resolve(),
      waitUntil: host.waitUntil,
    });
  }

  /** Starts what may be started, in the background. */
  fill(): void {
    this.#filling.start();
  }

  ended(runId: string): void {
    this.#heard.delete(runId);
    this.#failures.delete(runId);
  }

  /** The batch is over: what runs is cancelled, what is being started right after its start. */
  cancelAll(): void {
    for (const [runId, at] of this.#heard) {
      this.#heard.set(runId, at === Infinity ? at : 0);
    }
    this.lookAfter();
  }

  /** Asks after every running rollout that was not heard of for a while, in the background. */
  lookAfter(): void {
    this.#host.waitUntil(this.#guarded(() => this.#lookAfter()));
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#host.onBroken(error);
    }
  }

  async #fill(): Promise<void> {
    const { store, clock } = this.#host;
    for (;;) {
      await this.#lanes.room();
      const slots = this.#startable();
      if (slots.length === 0) {
        return;
      }
      const asked = await Promise.all(slots.map((slot) => this.#nameOf(slot)));
      if (!reserve(store, asked, new Date(clock.now()).toISOString())) {
        return;
      }
      for (const one of asked) {
        this.#ask(one);
      }
    }
  }

  #startable(): RolloutSlot[] {
    const { store } = this.#host;
    const { status, spec } = store.get();
    const room = spec.concurrency - store.rollouts.runningCount();
    return status === "running" ? store.startable(Math.min(this.#lanes.free, room)) : [];
  }

  async #nameOf(slot: RolloutSlot): Promise<Asked> {
    const { store } = this.#host;
    const taskId = store.groups().at(slot.taskIndex).task_id;
    const place = { taskId, rolloutIndex: slot.rolloutIndex, attempt: slot.attempt };
    return { slot, taskId, ...(await rolloutNameOf(store.get().spec.batch_id, place)) };
  }

  async #lookAfter(): Promise<void> {
    const { store, clock } = this.#host;
    const silentSince = clock.now() - silentMs;
    for (const row of store.rollouts.running()) {
      if ((this.#heard.get(row.run_id ?? "") ?? 0) > silentSince) {
        continue;
      }
      await this.#lanes.room();
      const slot = { taskIndex: row.task_index, rolloutIndex: row.rollout_index, attempt: row.attempt };
      const asked = await this.#nameOf(slot);
      // It may have ended while a lane was waited for.
      if (store.rollouts.findByRun(asked.runId)?.state === "running") {
        this.#ask(asked);
      }
    }
  }

  #ask(asked: Asked): void {
    if (this.#heard.get(asked.runId) === Infinity) {
      return;
    }
    this.#heard.set(asked.runId, Infinity);
    this.#lanes.start(async () => {
      try {
        await within(this.#host.clock, callTimeoutMs, () => this.#call(asked));
        this.#failures.delete(asked.runId);
        this.#noteHeard(asked.runId, this.#host.clock.now());
      } catch (error) {
        this.#failed(asked, error);
      }
    });
  }

  /** Only of what still runs: its report may have come before the reply. */
  #noteHeard(runId: string, at: number): void {
    if (this.#heard.has(runId)) {
      this.#heard.set(runId, at);
    }
  }

  async #call(asked: Asked): Promise<void> {
    const { store, sessions } = this.#host;
    const { spec } = store.get();
    const session = sessions(spec.tenant, asked.sessionId);
    if (this.#isOver()) {
      await this.#cancel(session, asked);
      return;
    }
    const task = store.groups().task(asked.slot.taskIndex);
    const outcome = await session.startRun(await toStart(spec, task, asked));
    await this.#started(session, asked, outcome);
  }

  async #started(session: RolloutSession, asked: Asked, outcome: StartOutcome): Promise<void> {
    switch (outcome.kind) {
      case "started":
      case "replayed":
        break;
      case "gone":
        // Somebody erased the session: its run tells nobody anything any more.
        this.#host.onLost(lostReport(asked, "erased", "cancelled"));
        return;
      default:
        throw new Error(`the session of ${asked.runId} answers ${outcome.kind}`);
    }
    if (this.#isOver()) {
      await this.#cancel(session, asked);
    } else if (outcome.kind === "replayed" && outcome.run.ended_at !== null) {
      // Its report is on the way, or its outbox waits for its next try.
      await session.wake();
    }
  }

  #isOver(): boolean {
    return this.#host.store.get().status !== "running";
  }

  async #cancel(session: RolloutSession, asked: Asked): Promise<void> {
    const found = await session.cancelRun(asked.runId);
    if (found.kind === "found") {
      await session.wake();
    } else {
      this.#host.onLost(lostReport(asked, found.kind === "gone" ? "erased" : "cancelled", "cancelled"));
    }
  }

  #failed(asked: Asked, error: unknown): void {
    if (error instanceof UnreadableTaskError) {
      this.#noteHeard(asked.runId, 0);
      this.#host.onBroken(error);
      return;
    }
    const failures = (this.#failures.get(asked.runId) ?? 0) + 1;
    this.#host.warn(`the session of ${asked.runId} could not be asked`, error);
    if (failures >= maxFailures) {
      this.#host.onLost(lostReport(asked, "failed", "platform_lost"));
      return;
    }
    this.#failures.set(asked.runId, failures);
    // The next alarm asks again.
    this.#noteHeard(asked.runId, 0);
  }
}

function lostReport(asked: Asked, status: string, invalidReason: string): RolloutReport {
  return {
    runId: asked.runId,
    groupId: "",
    taskId: asked.taskId,
    rolloutIndex: asked.slot.rolloutIndex,
    rolloutAttempt: asked.slot.attempt,
    status,
    errorCode: null,
    invalidReason,
    reward: null,
    isRewardPending: false,
    turns: 0,
    promptTokens: 0,
    completionTokens: 0,
  };
}
