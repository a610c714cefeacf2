// A fault of D1 or R2, told apart from a bug: callers answer 503 or try again later. It carries the cause for the
// log; its message is safe to show.

export type StoreFaultCode = "ledger_unavailable" | "records_unavailable";

export class StoreFault extends Error {
  readonly code: StoreFaultCode;

  constructor(code: StoreFaultCode, cause: unknown) {
    super(code === "ledger_unavailable" ? "The ledger cannot be reached." : "The record store cannot be reached.", {
      cause,
    });
    this.name = "StoreFault";
    this.code = code;
  }
}

/** Runs one call to a store; whatever it throws becomes a StoreFault. */
export async function guardStore<T>(code: StoreFaultCode, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new StoreFault(code, error);
  }
}
