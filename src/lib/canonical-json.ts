// JSON with its keys in order and no blanks, so that equal values have equal bytes and equal hashes. It sorts by
// UTF-16 code units as RFC 8785 does and refuses what JSON cannot hold.

/** The canonical text of a JSON value; members that are undefined are left out, as in JSON.stringify. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    // Most of a record are token ids and log-probs, for which JSON's own text is the canonical one.
    if (value.every((item) => Number.isFinite(item))) {
      return JSON.stringify(value);
    }
    return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(",")}}`;
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError("not JSON: a number that is not finite");
  }
  const text = JSON.stringify(value);
  if (typeof text !== "string") {
    throw new TypeError(`not JSON: ${typeof value}`);
  }
  return text;
}
