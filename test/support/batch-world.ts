// A batch's object in plain Node: its own SQLite, sessions that end their runs as a script says, a ledger in memory, and
// crashes that leave nothing but the rows. Time stands still unless the test moves it; nothing sleeps.

import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { RolloutReport } from "../../durable-objects/batch-api.ts";
import type { BatchLedger, BatchLedgerRow } from "../../durable-objects/batch-delivery.ts";
import type { BatchStorage } from "../../durable-objects/batch-schema.ts";
import { type BatchHost, BatchWork } from "../../durable-objects/batch-work.ts";
import type { RolloutSession } from "../../durable-objects/rollout-starter.ts";
import type { StartRun } from "../../durable-objects/session-api.ts";
import type { RunObject } from "../../src/agent/run-object.ts";
import type { RolloutRef } from "../../src/agent/run-spec.ts";
import { runIdOf } from "../../src/lib/ids.ts";
import type { BatchEvent } from "../../src/training/batch-events.ts";
import type { Batch } from "../../src/training/batch-object.ts";
import { sha256 } from "../../src/lib/sha256.ts";

const startMs = Date.parse("2026-11-22T10:00:00.000Z");
/** How a run ends; `calls` counts starts that were asked for. */
export type Ending = Partial<RolloutReport> | "never";

export interface FakeRun {
  readonly start: StartRun;
  readonly rollout: RolloutRef;
  readonly runId: string;
  asked: number;
  status: "running" | "ended" | "cancelled";
}

export interface GroupInLedger {
  readonly task_index: number;
  closed: "open" | "complete" | "incomplete";
}

class Storage implements BatchStorage {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  alarm: number | null = null;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  readonly sql = {
    exec: (query: string, ...bindings: (string | number | null)[]) => {
      if (/;\s*\S/.test(query)) {
        this.#db.exec(query);
        return { toArray: () => [], one: () => ({}) };
      }
      const statement = this.#statements.get(query) ?? this.#db.prepare(query);
      this.#statements.set(query, statement);
      const rows = statement.all(...bindings).map((row) => ({ ...row }) satisfies Record<string, unknown>);
      const plain = rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toPlain(value)])),
      );
      return { toArray: () => plain, one: () => plain[0] ?? {} };
    },
  };

  transactionSync<T>(change: () => T): T {
    this.#db.exec("BEGIN");
    try {
      const made = change();
      this.#db.exec("COMMIT");
      return made;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  async setAlarm(at: number): Promise<void> {
    this.alarm = at;
  }

  async getAlarm(): Promise<number | null> {
    return this.alarm;
  }

  async deleteAlarm(): Promise<void> {
    this.alarm = null;
  }
}

function toPlain(value: unknown): string | number | null {
  if (typeof value === "string" || typeof value === "number") {
    return value;
  }
  return null;
}

/** What a dead incarnation still does reaches nothing. */
function mortal(storage: Storage, isDead: () => boolean): Pick<Storage, keyof BatchHost["storage"]> {
  const alive = (): Storage => {
    if (isDead()) {
      throw new Error("this incarnation is dead");
    }
    return storage;
  };
  return {
    sql: { exec: (query, ...bindings) => alive().sql.exec(query, ...bindings) },
    transactionSync: (change) => alive().transactionSync(change),
    setAlarm: (at) => alive().setAlarm(at),
    getAlarm: () => alive().getAlarm(),
    deleteAlarm: () => alive().deleteAlarm(),
  };
}

/** An incarnation that was killed: its promises stay pending for ever, as those of a lost machine. */
function dead<T>(): Promise<T> {
  return new Promise(() => undefined);
}

export class BatchWorld {
  readonly runs = new Map<string, FakeRun>();
  readonly groups = new Map<string, GroupInLedger>();
  readonly batches = new Map<string, BatchLedgerRow & { ended: string | null }>();
  readonly warnings: string[] = [];
  nowMs = startMs;
  /** What each run leads to. */
  ending: (run: FakeRun) => Ending = () => ({});
  /** Thrown before (`lost`) or after (`unheard`) a call to a session did its work; null = it goes well. */
  sessionFault: (call: number) => "lost" | "unheard" | null = () => null;
  /** Runs whose sessions were erased. */
  readonly erased = new Set<string>();
  /** Calls to the ledger fail while this is true, and those that this names. */
  isLedgerDown = false;
  ledgerFault: (write: number) => boolean = () => false;
  callsUnderWay = 0;
  mostCalls = 0;
  mostRunning = 0;
  calls = 0;
  ledgerWrites = 0;
  readonly storage: Storage;
  #running = 0;
  #incarnation = 0;
  /** What the living incarnation has under way. */
  #pending = new Set<Promise<unknown>>();
  /** Ends of runs that are about to be told. */
  #toTell = 0;
  #work: BatchWork;

  constructor() {
    this.storage = new Storage(new DatabaseSync(":memory:"));
    this.#work = this.#boot();
  }

  get work(): BatchWork {
    return this.#work;
  }

  /** The object dies where it stands and is built anew from its rows. */
  crash(): void {
    this.#work = this.#boot();
  }

  /** Moves the time on to the alarm and rings it; false where none is set. */
  async ring(): Promise<boolean> {
    const at = this.storage.alarm;
    if (at === null) {
      return false;
    }
    this.nowMs = Math.max(this.nowMs, at);
    this.storage.alarm = null;
    await this.#work.alarm();
    return true;
  }

  /** Lets everything that can happen without an alarm happen. */
  async settle(): Promise<void> {
    // Ids are hashed on threads of their own: between one thing that is counted here and the next there may be nothing
    // but a hash under way. One of ours that follows it has waited for it.
    for (let quiet = 0; quiet < 8; quiet++) {
      await sha256("after all that were asked for before");
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      if (this.#pending.size > 0 || this.#toTell > 0) {
        quiet = 0;
      }
    }
  }

  /** Alarm after alarm until nothing is open; throws if that does not come about. */
  async run(maxAlarms = 200): Promise<void> {
    await this.settle();
    for (let alarms = 0; this.storage.alarm !== null; alarms++) {
      if (alarms === maxAlarms) {
        throw new Error(`the batch is still open after ${maxAlarms} alarms`);
      }
      await this.ring();
      await this.settle();
    }
  }

  async batch(): Promise<Batch> {
    const found = await this.#work.getBatch();
    if (found.kind === "unknown") {
      throw new Error("there is no batch");
    }
    return found.value;
  }

  async events(): Promise<BatchEvent[]> {
    const found = await this.#work.readEvents(0, 1_000_000);
    if (found.kind === "unknown") {
      throw new Error("there is no batch");
    }
    return found.value.events;
  }

  /** A rollout that was started. */
  started(taskId: string, index: number, attempt = 1): FakeRun {
    const found = [...this.runs.values()].find(
      ({ rollout }) =>
        rollout.task_id === taskId && rollout.rollout_index === index && rollout.rollout_attempt === attempt,
    );
    if (found === undefined) {
      throw new Error(`rollout ${taskId}/${index}/${attempt} was not started`);
    }
    return found;
  }

  /** The groups' states in the ledger, in the order of the tasks. */
  closed(): string[] {
    return [...this.groups.values()]
      .toSorted((left, right) => left.task_index - right.task_index)
      .map((group) => group.closed);
  }

  rows(query: string) {
    return this.storage.sql.exec(query).toArray();
  }

  reportOf(run: FakeRun, change: Partial<RolloutReport> = {}): RolloutReport {
    return {
      runId: run.runId,
      groupId: run.rollout.group_id,
      taskId: run.rollout.task_id,
      rolloutIndex: run.rollout.rollout_index,
      rolloutAttempt: run.rollout.rollout_attempt,
      status: "completed",
      errorCode: null,
      invalidReason: null,
      reward: 1,
      isRewardPending: false,
      turns: 2,
      promptTokens: 100,
      completionTokens: 10,
      ...change,
    };
  }

  #boot(): BatchWork {
    this.#incarnation += 1;
    const pending = new Set<Promise<unknown>>();
    this.#pending = pending;
    const mine = this.#incarnation;
    const isDead = () => mine !== this.#incarnation;
    return new BatchWork({
      storage: mortal(this.storage, isDead),
      sessions: (_tenant, sessionId) => this.#session(sessionId, isDead),
      ledger: this.#ledger(isDead),
      clock: {
        now: () => this.nowMs,
        // Limits of calls: they end with their call, for here every call ends.
        sleep: (_ms, signal) =>
          new Promise((resolve) => {
            signal.addEventListener("abort", () => resolve());
          }),
        after: () => () => undefined,
      },
      leaseMs: 15_000,
      waitUntil: (promise) => {
        pending.add(promise);
        void promise
          .catch((error: unknown) => this.warnings.push(String(error)))
          .finally(() => pending.delete(promise));
      },
      warn: (message) => this.warnings.push(message),
    });
  }

  async #call<T>(isDead: () => boolean, act: () => T): Promise<T> {
    this.calls += 1;
    const fault = this.sessionFault(this.calls);
    this.callsUnderWay += 1;
    this.mostCalls = Math.max(this.mostCalls, this.callsUnderWay);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    this.callsUnderWay -= 1;
    if (fault === "lost") {
      throw new Error("Network connection lost.");
    }
    const done = act();
    if (isDead()) {
      return dead();
    }
    if (fault === "unheard") {
      throw new Error("Network connection lost.");
    }
    return done;
  }

  #session(sessionId: string, isDead: () => boolean): RolloutSession {
    const runId = runIdOf(sessionId, 1);
    return {
      startRun: (start) =>
        this.#call(isDead, () => (this.erased.has(runId) ? { kind: "gone" as const } : this.#start(start, runId))),
      cancelRun: () => this.#call(isDead, () => this.#cancel(runId)),
      wake: () =>
        this.#call(isDead, () => {
          const run = this.runs.get(runId);
          if (run !== undefined && run.status !== "running") {
            this.#tell(run);
          }
        }),
    };
  }

  #start(start: StartRun, runId: string) {
    const { rollout } = start.spec;
    if (rollout === undefined) {
      throw new Error("a rollout says where it belongs");
    }
    const known = this.runs.get(runId);
    const run: FakeRun = known ?? { start, rollout, runId, asked: 0, status: "running" };
    this.runs.set(runId, run);
    run.asked += 1;
    if (known === undefined) {
      this.#running += 1;
      this.mostRunning = Math.max(this.mostRunning, this.#running);
      this.#soon(() => this.#end(run));
    }
    const kind = known === undefined ? ("started" as const) : ("replayed" as const);
    return { kind, run: toRun(run) };
  }

  #soon(act: () => void): void {
    this.#toTell += 1;
    setImmediate(() => {
      this.#toTell -= 1;
      act();
    });
  }

  #end(run: FakeRun): void {
    if (run.status === "running" && this.ending(run) !== "never") {
      run.status = "ended";
      this.#running -= 1;
      this.#tell(run);
    }
  }

  #cancel(runId: string) {
    if (this.erased.has(runId)) {
      return { kind: "gone" as const };
    }
    const run = this.runs.get(runId);
    if (run === undefined) {
      return { kind: "unknown" as const };
    }
    if (run.status === "running") {
      run.status = "cancelled";
      this.#running -= 1;
      this.#soon(() => this.#tell(run));
    }
    return { kind: "found" as const, value: toRun(run) };
  }

  /** As a session's outbox does: to whichever incarnation lives now. */
  #tell(run: FakeRun): void {
    const ending = this.ending(run);
    const cancelled = { status: "cancelled", invalidReason: "cancelled", reward: null };
    const change = run.status === "cancelled" || ending === "never" ? cancelled : ending;
    void this.#work.rolloutEnded(this.reportOf(run, change));
  }

  #ledger(isDead: () => boolean): BatchLedger {
    const write = async (act: () => void): Promise<void> => {
      this.ledgerWrites += 1;
      const isFaulty = this.isLedgerDown || this.ledgerFault(this.ledgerWrites);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      if (isFaulty) {
        throw new Error("The ledger cannot be reached.");
      }
      act();
      if (isDead()) {
        await dead();
      }
    };
    const add = (row: BatchLedgerRow) => {
      this.batches.set(row.batch_id, this.batches.get(row.batch_id) ?? { ...row, ended: null });
    };
    const close = (ids: readonly string[], state: GroupInLedger["closed"]) => {
      for (const group of ids.flatMap((id) => this.groups.get(id) ?? [])) {
        group.closed = group.closed === "open" ? state : group.closed;
      }
    };
    return {
      create: (row) => write(() => add(row)),
      addGroups: (row, groups) =>
        write(() => {
          add(row);
          for (const { group_id, task_index } of groups) {
            this.groups.set(group_id, this.groups.get(group_id) ?? { task_index, closed: "open" });
          }
        }),
      closeGroups: (ids, { complete }) => write(() => close(ids, complete ? "complete" : "incomplete")),
      closeRest: () => write(() => close([...this.groups.keys()], "incomplete")),
      end: (id, status) =>
        write(() => {
          const row = this.batches.get(id);
          if (row !== undefined) {
            row.ended ??= status;
          }
        }),
    };
  }
}

function toRun({ runId, start, status }: FakeRun): RunObject {
  const { spec, sessionId } = start;
  const at = new Date(startMs).toISOString();
  return {
    id: runId,
    session_id: sessionId,
    status: status === "ended" ? "completed" : status,
    query: spec.query,
    answer: null,
    outputs: {},
    turns: [],
    usage: { total: { prompt_tokens: 0, completion_tokens: 0 }, by_role: {} },
    limits: spec.limits,
    tools: spec.tools,
    policy_version: spec.policy.version,
    created_at: at,
    ended_at: status === "running" ? null : at,
    metadata: spec.metadata,
  };
}
