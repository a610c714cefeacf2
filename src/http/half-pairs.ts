// JSON can write half of a surrogate pair as an escape, and that is no text: SQLite, D1, Parquet and a model's server
// each make something else of it, or refuse it long after the caller was told yes. Any request body that holds one, as
// a value or as a name, is refused with the field. It repairs nothing: a caller's reference answers stay the caller's.

import { fieldName, HttpError } from "./problem.ts";

/** Decoding UTF-8 gives no halves, so only a text with such an escape can hold one; nearly none has. */
const halfEscape = /\\u[dD][89a-fA-F]/;
const detail = "Must be text; half of a surrogate pair is none.";

/** Throws 422 where the value that `text` was parsed to holds half a pair. The value must be shallow: this recurses. */
export function refuseHalfPairs(text: string, value: unknown, nameOf = (field: string) => field): void {
  const path = halfEscape.test(text) ? pathToHalfPair(value) : null;
  if (path !== null) {
    const field = nameOf(fieldName(path).toWellFormed());
    throw new HttpError("invalid_request", `Not valid: ${field}.`, { errors: [{ field, code: "custom", detail }] });
  }
}

/** To the first one in the order of the text. */
function pathToHalfPair(value: unknown): (string | number)[] | null {
  if (typeof value === "string") {
    return value.isWellFormed() ? null : [];
  }
  if (typeof value !== "object" || value === null) {
    return null;
  }
  const isList = Array.isArray(value);
  for (const [name, member] of Object.entries(value)) {
    const inside = name.isWellFormed() ? pathToHalfPair(member) : [];
    if (inside !== null) {
      return [isList ? Number(name) : name, ...inside];
    }
  }
  return null;
}
