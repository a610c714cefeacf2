// Requests that no route took: 404 for an unknown path, 405 with Allow for a known one, and OPTIONS answered
// from the same table.

import { HttpError } from "./problem.ts";

export interface Known {
  readonly method: string;
  /** `/v1/runs/{id}` */
  readonly path: string;
}

function matches(template: string, path: string): boolean {
  const wanted = template.split("/");
  const given = path.split("/");
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => (part.startsWith("{") ? given[index] !== "" : part === given[index]))
  );
}

/** The methods that a path takes, e.g. `GET, HEAD, OPTIONS`; null for an unknown path. */
function allowOf(known: readonly Known[], path: string): string | null {
  const methods = known.filter((route) => matches(route.path, path)).map((route) => route.method.toUpperCase());
  const head = methods.includes("GET") ? ["HEAD"] : [];
  return methods.length === 0 ? null : [...methods, ...head, "OPTIONS"].join(", ");
}

export function answerUnmatched(known: readonly Known[], request: Request): Response {
  const allow = allowOf(known, new URL(request.url).pathname);
  if (allow === null) {
    throw new HttpError("not_found", "There is no such path; /docs lists them.");
  }
  if (request.method === "OPTIONS") {
    return new Response(null, { status: 204, headers: { allow } });
  }
  throw new HttpError("method_not_allowed", `This path takes ${allow}.`, { headers: { allow } });
}
