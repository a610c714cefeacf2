// From which event on a reader of a log wants to read: the header that EventSource sends by itself, and the parameter
// that its first URL had.

import { invalidField } from "./problem.ts";

/** EventSource repeats its first URL on reconnecting, with a newer header: so the larger wins. */
export function readAfter(headers: Headers, startingAfter: number): number {
  const header = headers.get("last-event-id") ?? "";
  if (header === "") {
    return startingAfter;
  }
  if (!/^\d{1,15}$/.test(header)) {
    throw invalidField("invalid_request", "Last-Event-ID", "invalid_type", "Send the number of the last event seen.");
  }
  return Math.max(Number(header), startingAfter);
}
