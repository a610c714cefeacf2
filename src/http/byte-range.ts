// What part of a file a request asks for, and whether its caller has it already (RFC 9110, sections 13 and 14). One
// range a request is served; several at once, or none that can be read, mean the whole file.

export type Part =
  | { readonly kind: "whole" }
  /** From `start` up to `end`, which is excluded. */
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

const whole: Part = { kind: "whole" };

/** `tag` without quotes; a comparison by If-Range is strong. */
export function partOf(headers: Headers, tag: string, bytes: number): Part {
  const [, first = "", last = ""] = /^\s*bytes\s*=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(headers.get("range") ?? "") ?? [];
  const condition = headers.get("if-range");
  const isStale = condition !== null && condition.trim() !== `"${tag}"`;
  if (isStale || (first === "" && last === "")) {
    return whole;
  }
  const start = first === "" ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? bytes : Math.min(bytes, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) {
    // Not a range at all.
    return whole;
  }
  return start < end ? { kind: "part", start, end } : { kind: "unsatisfiable" };
}

/** If-None-Match compares weakly. */
export function isKnown(headers: Headers, tag: string): boolean {
  const known = headers.get("if-none-match");
  return (known ?? "").split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === `"${tag}"`);
}
