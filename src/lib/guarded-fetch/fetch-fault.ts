// Why a fetch did not bring what was asked for. A fault names the host at most: a URL's path and query may hold a
// key, and what is written here reaches results, events and logs.

export type FetchFaultCode =
  | "bad_url"
  | "port_refused"
  | "address_refused"
  | "too_many_redirects"
  | "connection_failed"
  | "timeout"
  | "too_large"
  | "aborted";

export interface FetchFault {
  readonly code: FetchFaultCode;
  /** For people; holds no path, no query and no header. */
  readonly detail: string;
}

/** What a GuardedFetch throws, because callers such as the SDKs expect a fetch to throw. */
export class FetchError extends Error {
  readonly code: FetchFaultCode;

  constructor({ code, detail }: FetchFault, cause?: unknown) {
    super(detail, { cause });
    this.name = "FetchError";
    this.code = code;
  }
}

/** Codes that another try cannot change: the address itself was refused. */
export function isRefusal(code: FetchFaultCode): boolean {
  return code === "bad_url" || code === "port_refused" || code === "address_refused";
}

/** The fault that an error of a fetch stands for; null where the error is none of the guard's. */
export function faultOf(error: unknown): FetchFault | null {
  if (error instanceof FetchError) {
    return { code: error.code, detail: error.message };
  }
  // The SDKs wrap what their fetch threw.
  return error instanceof Error && error.cause !== undefined ? faultOf(error.cause) : null;
}

/** The fault of an aborted signal: a deadline, or AbortSignal.timeout, says so in its reason. */
export function stopFault(signal: AbortSignal): FetchFault {
  const isLate = signal.reason instanceof Error && signal.reason.name === "TimeoutError";
  return isLate ? { code: "timeout", detail: "no whole reply in time" } : { code: "aborted", detail: "aborted" };
}
