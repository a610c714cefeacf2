// Which jobs of an isolate somebody still wants. A cancel may come before its job, whose body is longer and is read
// for longer; it is remembered then.

/** Cancels of jobs that have ended already are remembered too, in vain, so that there is a bound. */
const maxEarly = 64;

export class JobTickets {
  readonly #wanted = new Set<string>();
  readonly #early = new Set<string>();

  begin(ticket: string): void {
    if (!this.#early.delete(ticket)) {
      this.#wanted.add(ticket);
    }
  }

  cancel(ticket: string): void {
    if (this.#wanted.delete(ticket)) {
      return;
    }
    this.#early.add(ticket);
    for (const oldest of this.#early) {
      if (this.#early.size <= maxEarly) {
        return;
      }
      this.#early.delete(oldest);
    }
  }

  end(ticket: string): void {
    this.#wanted.delete(ticket);
  }

  isWanted(ticket: string): boolean {
    return this.#wanted.has(ticket);
  }
}
