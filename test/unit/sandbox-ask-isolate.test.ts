import { expect, test } from "vitest";
import { askIsolate } from "../../durable-objects/ask-isolate.ts";
import type { SandboxAnswer } from "../../src/tools/python-coder/sandbox-answer.ts";
import type { SandboxJob } from "../../src/tools/python-coder/sandbox/job.ts";

const limits = { maxFuel: 1, waitMs: 1, timeMs: 1 };
const job: SandboxJob = {
  ticket: "t",
  runId: "run_1",
  code: "42",
  earlierCode: [],
  limits,
  replayLimits: limits,
  isolation: "interpreter",
};
const answer: SandboxAnswer = {
  end: "completed",
  detail: "",
  stdout: "",
  value: "42",
  traceback: null,
  cut: false,
  interpreter: "cpython-3.14.2/pyodide-314.0.7",
  fuel: 1,
  heapBytes: 1,
  bootMs: 1,
  runMs: 1,
  computedMs: 1,
  waitedMs: 0,
  replayed: 0,
};

/** Far longer than anything here takes. */
const patientMs = 3_600_000;

function isolateThat(answers: (request: Request) => Response | Promise<Response>): Pick<Fetcher, "fetch"> {
  return { fetch: async (url, init) => await answers(new Request(url, init)) };
}

/** Headers at once, and the body as `finish` says. */
function begunResponse(finish: (controller: ReadableStreamDefaultController<Uint8Array>) => void): Response {
  return new Response(new ReadableStream<Uint8Array>({ start: finish }));
}

test("an isolate is sent the job, and its answer is handed on", async () => {
  const isolate = isolateThat(async (request) => {
    expect(await request.json()).toEqual(job);
    return Response.json(answer);
  });
  expect(await askIsolate(isolate, job, patientMs)).toEqual({ kind: "answer", answer });
});

test("an isolate that fails before its headers has no interpreter, whether it says so or not", async () => {
  const says = isolateThat(() => new Response("out of memory", { status: 503 }));
  expect(await askIsolate(says, job, patientMs)).toEqual({ kind: "no_interpreter", detail: "out of memory" });
  const dies = isolateThat(() => Promise.reject(new Error("does not start")));
  expect(await askIsolate(dies, job, patientMs)).toEqual({ kind: "no_interpreter", detail: "does not start" });
});

test("an isolate that fails after its headers was ended by the program", async () => {
  const isolate = isolateThat(() => begunResponse((controller) => controller.error(new Error("out of memory"))));
  expect(await askIsolate(isolate, job, patientMs)).toEqual({ kind: "crashed", detail: "out of memory" });
});

test("an answer that is none is a crash", async () => {
  const isolate = isolateThat(() => Response.json({ ...answer, end: "won" }));
  expect(await askIsolate(isolate, job, patientMs)).toMatchObject({ kind: "crashed" });
});

test("patience ends before the headers and after them, and the isolate is told", async () => {
  const told: boolean[] = [];
  const never = isolateThat((request) => {
    request.signal.addEventListener("abort", () => told.push(true));
    return new Promise(() => undefined);
  });
  expect(await askIsolate(never, job, 0)).toEqual({ kind: "late" });
  expect(told).toEqual([true]);
  expect(
    await askIsolate(
      isolateThat(() => begunResponse(() => undefined)),
      job,
      0,
    ),
  ).toEqual({ kind: "late" });
});
