// Every error of the API: `application/problem+json` with a stable code. The table below is the whole list; what
// a handler throws is mapped by `toProblem`, and the text of an unknown error never goes on the wire.

import * as z from "zod";
import { StoreFault } from "../store/store-fault.ts";

/** Code, status and title. The detail belongs to the single case. */
export const problemTypes = {
  invalid_json: { status: 400, title: "The body is not JSON" },
  invalid_idempotency_key: { status: 400, title: "The Idempotency-Key header is not usable" },
  missing_key: { status: 401, title: "An API key is needed" },
  invalid_key: { status: 401, title: "The API key is not valid" },
  invalid_ticket: { status: 401, title: "The ticket is not valid" },
  missing_scope: { status: 403, title: "The API key lacks a scope" },
  foreign_origin: { status: 403, title: "Requests from other origins are refused" },
  not_found: { status: 404, title: "There is nothing here" },
  method_not_allowed: { status: 405, title: "The method is not allowed here" },
  policy_conflict: { status: 409, title: "The policy's name stands for something else" },
  group_claimed: { status: 409, title: "The run's group is in a dataset" },
  log_unreadable: { status: 409, title: "The run's log cannot be read" },
  run_not_ended: { status: 409, title: "The run has not ended" },
  erased: { status: 410, title: "This was erased" },
  body_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body must be JSON" },
  unsupported_content_encoding: { status: 415, title: "The body must not be compressed" },
  range_not_satisfiable: { status: 416, title: "The file has no such range" },
  wrong_host: { status: 421, title: "This server answers on loopback names only" },
  invalid_request: { status: 422, title: "The request has invalid fields" },
  unknown_tool: { status: 422, title: "The request names an unknown tool" },
  unknown_policy: { status: 422, title: "The request names an unknown policy" },
  unknown_dataset: { status: 422, title: "The request names an unknown dataset" },
  idempotency_key_reused: { status: 422, title: "The Idempotency-Key was used with another body" },
  view_not_possible: { status: 422, title: "The dataset has no such view" },
  rate_limited: { status: 429, title: "Too many requests" },
  queue_full: { status: 429, title: "Too many runs wait in this session" },
  internal: { status: 500, title: "A defect of this service" },
  ledger_unavailable: { status: 503, title: "The ledger cannot be reached" },
  records_unavailable: { status: 503, title: "The record store cannot be reached" },
  batch_unavailable: { status: 503, title: "The batch cannot be reached" },
  session_unavailable: { status: 503, title: "The session cannot be reached" },
} as const;

export type ProblemCode = keyof typeof problemTypes;

export const FieldError = z.strictObject({
  /** A JSON path, e.g. `limits.max_turns` or `tools[0]`; `$` is the body itself. */
  field: z.string(),
  code: z.string(),
  detail: z.string(),
});
export type FieldError = z.infer<typeof FieldError>;

const maxNameCharacters = 100;

/** RFC 9457, with a code for programs and a request id for the operator. */
export const Problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  request_id: z.string(),
  errors: z.array(FieldError).optional(),
});
export type Problem = z.infer<typeof Problem>;

export interface HttpErrorOptions {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** What a handler throws to answer with a problem. `detail` is shown to the caller. */
export class HttpError extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, detail: string, options: HttpErrorOptions = {}) {
    super(detail, { cause: options.cause });
    this.name = "HttpError";
    this.code = code;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }
}

/** A name that callers chose, short enough to be repeated to them. */
export function shortName(name: string): string {
  return name.length <= maxNameCharacters ? name : `${name.slice(0, maxNameCharacters - 1).toWellFormed()}…`;
}

/** Zod's path as people write it: `reference.answers[2]`. */
export function fieldName(path: readonly PropertyKey[]): string {
  const name = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return name === "" ? "$" : shortName(name.replace(/^\./, ""));
}

function fieldErrors(issue: z.core.$ZodIssue, part: "field" | "parameter"): FieldError[] {
  if (issue.code === "unrecognized_keys") {
    const detail = `There is no such ${part}.`;
    return issue.keys.map((key) => ({ field: fieldName([...issue.path, key]), code: `unknown_${part}`, detail }));
  }
  return [{ field: fieldName(issue.path), ...explain(issue) }];
}

/** Zod's own words, but for what they say badly. Needs issues that carry their input. */
function explain(issue: z.core.$ZodIssue): { code: string; detail: string } {
  const required = { code: "required", detail: "This is required." };
  if (issue.code === "invalid_union" && issue.discriminator !== undefined) {
    const { input } = issue;
    const isUnnamed = typeof input === "object" && input !== null && !(issue.discriminator in input);
    return isUnnamed ? required : { code: "invalid_value", detail: issue.message };
  }
  const isMissing = issue.input === undefined && (issue.code === "invalid_type" || issue.code === "invalid_value");
  return isMissing ? required : { code: issue.code, detail: issue.message };
}

/** 422 with the first error of each field that failed its schema, twenty at most. */
export function invalidRequest(error: z.ZodError, part: "field" | "parameter"): HttpError {
  const all = error.issues.flatMap((issue) => fieldErrors(issue, part));
  // The first error of a field is kept: the others mostly follow from it.
  const byField = new Map(all.toReversed().map((one) => [one.field, one]));
  const errors = all.filter((one) => byField.get(one.field) === one).slice(0, 20);
  const fields = errors.map(({ field }) => field).join(", ");
  return new HttpError("invalid_request", `Not valid: ${fields}.`.slice(0, 1000), { errors });
}

/** 422 for one field, for checks that no schema can make. */
export function invalidField(code: ProblemCode, field: string, fieldCode: string, detail: string): HttpError {
  return new HttpError(code, detail, { errors: [{ field, code: fieldCode, detail }] });
}

// OpenAI's clients retry 409, 429 and 5xx unless this header says otherwise, so it is always said.
function retryHeaders(status: number): Record<string, string> {
  switch (status) {
    case 409:
      return { "x-should-retry": "true", "retry-after": "2" };
    case 429:
      return { "x-should-retry": "true", "retry-after": "5" };
    case 503:
      return { "x-should-retry": "true", "retry-after": "1" };
    default:
      return { "x-should-retry": "false" };
  }
}

export interface ProblemReply {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** The one mapping from anything thrown to what the caller sees. */
export function toProblem(error: unknown, requestId: string): ProblemReply {
  const known = toHttpError(error);
  const { status, title } = problemTypes[known.code];
  const problem: Problem = {
    type: `/docs#problem-${known.code}`,
    title,
    status,
    detail: known.message,
    code: known.code,
    request_id: requestId,
    ...(known.errors.length === 0 ? {} : { errors: [...known.errors] }),
  };
  return { problem, headers: { ...retryHeaders(status), ...known.headers } };
}

function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) {
    return error;
  }
  if (error instanceof StoreFault) {
    return new HttpError(error.code, `${error.message} Try again.`, { cause: error });
  }
  return new HttpError("internal", "Something went wrong here; the request id finds it in the log.", { cause: error });
}
