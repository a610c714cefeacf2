// A session's SQLite: what it is, its runs and their logs, changed in transactions. Synchronous, because SQLite in
// a Durable Object is; the object's output gate holds back whatever follows a write until the write is durable. What
// is asked for again and again is kept in memory beside it, and forgotten whenever a transaction fails.

import * as z from "zod";
import { toEvent } from "../src/agent/bookkeeping.ts";
import { isTerminal, type RunEvent } from "../src/agent/events.ts";
import { fold } from "../src/agent/fold.ts";
import type { RunState } from "../src/agent/run-state.ts";
import { EventTable, type PreparedEvent } from "./event-table.ts";
import { foldLog } from "./fold-log.ts";
import { MetaTable } from "./meta-table.ts";
import type { OpenWork } from "./next-alarm.ts";
import { OutboxTable } from "./outbox-table.ts";
import { type NewRun, RunTable } from "./run-table.ts";
import {
  createTables,
  forgetInitialised,
  isInitialised,
  migrate,
  newestVersion,
  readVersion,
  type SessionFacts,
} from "./session-schema.ts";

/** Twenty turns of eight calls, each recovered ten times, are under five thousand events. */
const maxEvents = 100_000;
/** The run that goes on, and the one before, whose end somebody may still ask for. */
const maxKeptLogs = 2;

/** What is kept of a log: the state that it folds to, and the milliseconds counted at its last append. */
interface KeptLog {
  readonly state: RunState;
  readonly activeMs: number;
}

export class SessionStore {
  readonly meta: MetaTable;
  readonly runs: RunTable;
  readonly events: EventTable;
  readonly outbox: OutboxTable;
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  /** By ordinal, the one read or changed last at the end. */
  readonly #logs = new Map<number, KeptLog>();

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.meta = new MetaTable(storage.sql);
    this.runs = new RunTable(storage.sql);
    this.events = new EventTable(storage.sql);
    this.outbox = new OutboxTable(storage);
    if (isInitialised(this.#sql) && readVersion(this.#sql) < newestVersion) {
      storage.transactionSync(() => {
        migrate(this.#sql);
      });
    }
  }

  isEmpty(): boolean {
    return !isInitialised(this.#sql);
  }

  /** Creates the tables on the first run, the run's row, its first event and its outbox row, in one transaction. */
  createRun(
    session: { readonly tenant: string; readonly sessionId: string },
    run: NewRun,
    { event, detail }: PreparedEvent,
  ): { ordinal: number; event: RunEvent } {
    return this.#transact(() => {
      if (this.isEmpty()) {
        this.#createTables({ ...session, createdAt: run.at });
      }
      const { ordinal, runId } = this.runs.insert(run);
      const stored = toEvent(event, { seq: 1, run_id: runId, at: run.at });
      this.events.insert(ordinal, stored, 0, detail);
      this.outbox.add(ordinal, { kind: "created", payload: null });
      this.#keep(ordinal, { state: fold(null, stored), activeMs: 0 });
      return { ordinal, event: stored };
    });
  }

  #createTables(facts: SessionFacts): void {
    createTables(this.#sql, facts);
    this.meta.begin(facts);
    this.runs.begin();
    this.outbox.begin();
  }

  /**
   * Appends to a run's log in one transaction, or nothing at all once it has its terminal event or was erased (null).
   * Events get the numbers after the log's last; a terminal one also closes the run's row and fills the outbox.
   */
  append(
    { ordinal, runId }: { readonly ordinal: number; readonly runId: string },
    events: readonly PreparedEvent[],
    at: string,
    activeMs: number,
  ): RunEvent[] | null {
    return this.#transact(() => {
      if (!this.runs.unended().some((run) => run.ordinal === ordinal)) {
        return null;
      }
      const kept = this.#logs.get(ordinal);
      const seq = this.lastSeq(ordinal);
      const stored = events.map(({ event, detail }, index) => {
        const one = toEvent(event, { seq: seq + index + 1, run_id: runId, at });
        this.events.insert(ordinal, one, activeMs, detail);
        this.runs.note(ordinal, one);
        if (isTerminal(one.type)) {
          this.outbox.add(ordinal, { kind: "ended", payload: null });
        }
        return one;
      });
      // The end of a log that cannot be read is written without knowing its state.
      if (kept !== undefined) {
        const state = stored.reduce<RunState>(fold, kept.state);
        this.#keep(ordinal, { state, activeMs: Math.max(kept.activeMs, Math.round(activeMs)) });
      }
      return stored;
    });
  }

  /** Throws UnreadableLogError, also for a log whose events can be read one by one and make no sense together. */
  readState(ordinal: number): RunState | null {
    const kept = this.#logs.get(ordinal);
    const state = kept?.state ?? foldLog(this.events.read(ordinal, 0, maxEvents));
    if (state !== null) {
      this.#keep(ordinal, kept ?? { state, activeMs: this.events.activeMs(ordinal) });
    }
    return state;
  }

  /** The number of the log's last event; 0 for an empty log. */
  lastSeq(ordinal: number): number {
    return this.#logs.get(ordinal)?.state.lastSeq ?? this.events.lastSeq(ordinal);
  }

  /** Counted milliseconds at the last append. */
  activeMs(ordinal: number): number {
    return this.#logs.get(ordinal)?.activeMs ?? this.events.activeMs(ordinal);
  }

  openWork(): OpenWork {
    return {
      hasUnendedRun: this.runs.unended().length > 0,
      outbox: this.outbox.rows(),
    };
  }

  /** Leaves of the session nothing but its tombstone and the ids whose traces elsewhere are still to be removed. */
  erase(at: string): string[] {
    return this.#transact(() => {
      const runIds = this.runs.list(null, Number.MAX_SAFE_INTEGER).map((run) => run.run_id);
      this.#sql.exec("DELETE FROM events");
      this.runs.deleteAll();
      this.outbox.deleteAll();
      this.outbox.add(0, { kind: "erase", payload: null });
      this.meta.set("erased_at", at);
      this.meta.set("erasing", JSON.stringify(runIds));
      this.#logs.clear();
      return runIds;
    });
  }

  /** Run ids whose traces elsewhere are still to be removed; null when the erasure is complete or was never asked for. */
  erasing(): string[] | null {
    const value = this.meta.get("erasing");
    return value === null ? null : z.array(z.string()).parse(JSON.parse(value));
  }

  /** The erasure is complete: of the session there is left that it was erased, and when. */
  settleErasure(): void {
    this.#transact(() => {
      this.outbox.deleteAll();
      this.meta.settleErasure();
    });
  }

  #keep(ordinal: number, log: KeptLog): void {
    // Deleted first, so that the first in the map is the one whose last use lies furthest back.
    this.#logs.delete(ordinal);
    this.#logs.set(ordinal, log);
    const [oldest] = this.#logs.size > maxKeptLogs ? this.#logs.keys() : [];
    if (oldest !== undefined) {
      this.#logs.delete(oldest);
    }
  }

  #transact<T>(change: () => T): T {
    try {
      return this.#storage.transactionSync(change);
    } catch (error) {
      // What the transaction had put into memory was rolled back beneath it.
      this.meta.forget();
      this.runs.forget();
      this.outbox.forget();
      forgetInitialised(this.#sql);
      this.#logs.clear();
      throw error;
    }
  }
}
