// What a caller would rather have, a stream of events or one JSON value, by the weights of its Accept header
// (RFC 9110, section 12.5.1). It only compares; a caller who wants neither still gets the route's default.

import { parseAccept } from "hono/utils/accept";

interface Preference {
  /** 0 = not wanted. */
  readonly weight: number;
  /** 3 for the type's own name, 2 for `application/*`, 1 for any type, 0 where nothing matches. */
  readonly precision: number;
}

function preferenceFor(header: string, type: string): Preference {
  const ranges = [type, type.replace(/\/.*/, "/*"), "*/*"];
  const found = parseAccept(header).flatMap((range) => {
    const index = ranges.indexOf(range.type.toLowerCase());
    return index === -1 ? [] : [{ weight: range.q, precision: ranges.length - index }];
  });
  // The most precise range decides, even against a heavier one.
  return found.toSorted((left, right) => right.precision - left.precision)[0] ?? { weight: 0, precision: 0 };
}

function preferences(headers: Headers): { stream: Preference; json: Preference } {
  const header = headers.get("accept") ?? "";
  return {
    stream: preferenceFor(header, "text/event-stream"),
    json: preferenceFor(header, "application/json"),
  };
}

/** A stream is named and JSON is not liked better. */
export function asksForStream(headers: Headers): boolean {
  const { stream, json } = preferences(headers);
  return stream.precision === 3 && stream.weight > 0 && stream.weight >= json.weight;
}

/** JSON is liked better than a stream, or the stream is ruled out. */
export function asksForJson(headers: Headers): boolean {
  const { stream, json } = preferences(headers);
  const isNearer = json.weight === stream.weight && json.precision > stream.precision;
  return json.weight > stream.weight || isNearer || (stream.precision > 0 && stream.weight === 0);
}
