// Reads a reply that must be a problem document, and checks what every one of them promises.

import { expect } from "vitest";
import { Problem, problemTypes } from "../../src/http/problem.ts";

export async function readProblem(reply: Response): Promise<Problem> {
  expect(reply.headers.get("content-type")).toBe("application/problem+json");
  const problem = Problem.parse(await reply.json());
  expect(problem.status).toBe(reply.status);
  expect(problem.request_id).toBe(reply.headers.get("x-request-id"));
  expect(Object.keys(problemTypes)).toContain(problem.code);
  expect(["true", "false"]).toContain(reply.headers.get("x-should-retry"));
  return problem;
}

/** Status and code, for tables of cases. */
export async function summary(reply: Response): Promise<string> {
  const problem = await readProblem(reply);
  return `${problem.status} ${problem.code}`;
}
