// What a session owes to R2, D1, its batch and its judges at this moment, delivered in the background in two lanes: a
// judge may take minutes, and the stores do not wait for it.

import { judgeAnswer } from "../src/agent/judge-answer.ts";
import type { RunSpec } from "../src/agent/run-spec.ts";
import type { Env } from "../src/env.ts";
import type { Parts } from "../src/parts.ts";
import { askWebhook } from "../src/rewards/webhook.ts";
import { createLedger } from "../src/store/ledger.ts";
import { createRecordStore } from "../src/store/records.ts";
import { createRewardStore } from "../src/store/rewards.ts";
import type { LogEntry } from "../src/training/rollout-record.ts";
import type { RewardQuestion } from "./ask-reward.ts";
import { Delivery } from "./delivery.ts";
import { deliverOutbox, type Lane, nextDue, type OutboxDeps } from "./outbox.ts";
import type { SessionStore } from "./session-store.ts";
import { warn } from "./warn.ts";

export interface DeliveriesHost {
  readonly env: Pick<Env, "DB" | "BUCKET" | "BATCH">;
  readonly store: SessionStore;
  readonly parts: Pick<Parts, "clock" | "random" | "engine" | "engineCallMs" | "guard" | "secretFor" | "toolResults">;
  /** The whole log of a run, with the details that its record is made of. */
  readonly readLog: (ordinal: number) => Promise<readonly LogEntry[]>;
  /** After each pass: what is open may have changed. */
  readonly settled: () => Promise<void>;
  readonly waitUntil: (promise: Promise<unknown>) => void;
}

/** A run that ends within it is written to the ledger once, with its end; a list shows a longer one so much later. */
const creationWaitMs = 500;
/** Of a rollout, which many others hold up, and whose batch says where it stands. */
const rolloutWaitMs = 5000;
/** A judge whose first verdict cannot be read is asked twice in one try. */
const callsPerTry = 2;

export class Deliveries {
  readonly #host: DeliveriesHost;
  readonly #stores: Delivery;
  readonly #asks: Delivery;

  constructor(host: DeliveriesHost) {
    this.#host = host;
    this.#stores = this.#lane("stores");
    this.#asks = this.#lane("asks");
  }

  start(): void {
    this.#stores.start();
    this.#startAsks();
  }

  /** For a run just created, whose alarm is set: nothing is lost if the wait is cut short. */
  startSoon({ rollout }: Pick<RunSpec, "rollout">): void {
    this.#host.waitUntil(this.#startIn(rollout === undefined ? creationWaitMs : rolloutWaitMs));
  }

  async #startIn(waitMs: number): Promise<void> {
    await this.#host.parts.clock.sleep(waitMs, new AbortController().signal);
    // Most are gone by then, with the end of their run.
    if (this.#isDue("stores")) {
      this.#stores.start();
    }
  }

  /** Its rows are looked up first, because nearly every session has none. */
  #startAsks(): void {
    if (this.#isDue("asks")) {
      this.#asks.start();
    }
  }

  #isDue(lane: Lane): boolean {
    return nextDue(this.#host.store, this.#host.parts.clock.now(), lane) !== null;
  }

  /** Resolves when nothing goes to the stores or to the batch. */
  async idle(): Promise<void> {
    await this.#stores.idle();
  }

  #lane(lane: Lane): Delivery {
    const pass = async (): Promise<void> => {
      const deps = this.#deps();
      if (deps !== null) {
        await deliverOutbox(deps, lane);
      }
    };
    const settled = async (): Promise<void> => {
      // What was delivered may have brought up a question, and a verdict is to be delivered.
      if (lane === "stores") {
        this.#startAsks();
      } else if (this.#isDue("stores")) {
        this.#stores.start();
      }
      await this.#host.settled();
    };
    return new Delivery({ pass, settled, waitUntil: this.#host.waitUntil });
  }

  /** Null for an object that holds nothing, or nothing any more. */
  #deps(): OutboxDeps | null {
    const { env, store, parts, readLog } = this.#host;
    const tenant = store.meta.get("tenant");
    if (tenant === null) {
      return null;
    }
    return {
      store,
      tenant,
      ledger: createLedger(env.DB),
      records: createRecordStore(env.BUCKET),
      toolResults: parts.toolResults,
      rewards: createRewardStore(env.DB),
      bucket: env.BUCKET,
      batchOf: (batchId) => env.BATCH.getByName(`${tenant}/${batchId}`),
      readLog,
      ask: (question, signal) => this.#ask(tenant, question, signal),
      maxAskMs: callsPerTry * parts.engineCallMs,
      clock: parts.clock,
      random: parts.random,
      warn,
    };
  }

  #ask(tenant: string, { spec, state, answer, answers }: RewardQuestion, signal: AbortSignal) {
    const { engine, guard, secretFor, clock } = this.#host.parts;
    const { query, rollout, session_id, metadata } = state.spec;
    if (spec.kind === "judge") {
      const instructions = spec.instructions ?? null;
      return judgeAnswer({ engine, runId: state.runId }, { query, answer, answers, instructions }, signal);
    }
    const outcome = {
      run_id: state.runId,
      session_id,
      status: state.status,
      stop_reason: state.reason,
      query,
      answer,
      answers,
      metadata,
      batch_id: rollout?.batch_id ?? null,
      group_id: rollout?.group_id ?? null,
      task_id: rollout?.task_id ?? null,
      ended_at: state.endedAt,
    };
    return askWebhook({ tenant, fetch: guard.fetch, secretFor, now: clock.now }, spec, outcome, signal);
  }
}
