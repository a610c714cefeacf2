// The one alarm of a session's object. It is only ever moved to an earlier time while it stands, and it is taken
// away when nothing is open, so that an idle session costs nothing and a busy one cannot put its safety net off.

import { nextAlarm, type OpenWork } from "./next-alarm.ts";

export interface AlarmHost {
  readonly storage: DurableObjectStorage;
  readonly openWork: () => OpenWork;
  readonly now: () => number;
  readonly leaseMs: number;
}

/** An alarm that is so much overdue was lost by the platform (reference: alarms in the past that never fire). */
const lostAfterMs = 60_000;

export class SessionAlarm {
  readonly #host: AlarmHost;
  /** What this incarnation set; null where it does not know. */
  #setFor: number | null = null;

  constructor(host: AlarmHost) {
    this.#host = host;
  }

  /** To be called when the alarm has rung: the platform has taken it away. */
  rang(): void {
    this.#setFor = null;
  }

  /** Sets the alarm without any wait before it, so that it commits together with what was written just now. */
  async arm(): Promise<void> {
    const { storage, openWork, now, leaseMs } = this.#host;
    const at = nextAlarm(openWork(), now(), leaseMs);
    if (at === null) {
      await this.#disarm();
    } else if (this.#setFor === null || at < this.#setFor || this.#setFor + lostAfterMs < now()) {
      this.#setFor = at;
      await storage.setAlarm(at);
    }
  }

  /** As `arm`, for requests that only read: it looks no further while an alarm is known to stand. */
  async keep(): Promise<void> {
    if (this.#setFor === null || this.#setFor + lostAfterMs < this.#host.now()) {
      await this.arm();
    }
  }

  async #disarm(): Promise<void> {
    const { storage, openWork, now, leaseMs } = this.#host;
    // Asked first where it is not known, because deleting writes even where there is none, and an unknown id must
    // leave no trace. What was open nowhere may be open after the question.
    const stands = this.#setFor !== null || (await storage.getAlarm()) !== null;
    if (stands && nextAlarm(openWork(), now(), leaseMs) === null) {
      this.#setFor = null;
      await storage.deleteAlarm();
    }
  }
}
