// Sends one job to an isolate and waits for its answer, with patience. The isolate's headers say that it has an
// interpreter: what fails before them is the platform's doing, what fails after them the program's. It does not try twice.

import { SandboxAnswer } from "../src/tools/python-coder/sandbox-answer.ts";
import type { SandboxJob } from "../src/tools/python-coder/sandbox/job.ts";

/** What the runner answers when it has no interpreter. */
const bootFailedStatus = 503;

export type IsolateReply =
  | { readonly kind: "answer"; readonly answer: SandboxAnswer }
  /** It could not start, or could make no interpreter; nothing of the job has run. */
  | { readonly kind: "no_interpreter"; readonly detail: string }
  /** It gave no proper answer. */
  | { readonly kind: "crashed"; readonly detail: string }
  /** It may still be at work. */
  | { readonly kind: "late" };

export async function askIsolate(
  isolate: Pick<Fetcher, "fetch">,
  job: SandboxJob,
  patienceMs: number,
): Promise<IsolateReply> {
  const { promise: late, resolve } = Promise.withResolvers<IsolateReply>();
  const patience = new AbortController();
  const timer = setTimeout(() => {
    resolve({ kind: "late" });
    patience.abort();
  }, patienceMs);
  try {
    return await Promise.race([ask(isolate, job, patience.signal), late]);
  } finally {
    clearTimeout(timer); // a pending one would keep the object in memory
  }
}

async function ask(isolate: Pick<Fetcher, "fetch">, job: SandboxJob, signal: AbortSignal): Promise<IsolateReply> {
  let failure: "no_interpreter" | "crashed" = "no_interpreter";
  try {
    const response = await isolate.fetch("http://sandbox/", { method: "POST", body: JSON.stringify(job), signal });
    if (response.status === bootFailedStatus) {
      return { kind: "no_interpreter", detail: await response.text() };
    }
    failure = "crashed";
    return { kind: "answer", answer: SandboxAnswer.parse(await response.json()) };
  } catch (error) {
    return { kind: failure, detail: error instanceof Error ? error.message : String(error) };
  }
}
