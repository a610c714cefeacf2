// Keeps an isolate's interpreter in step with a run: programs see the variables of the run's earlier programs, and
// never another run's. If the interpreter has not seen exactly the earlier programs of the job, it is booted anew and
// they run again, so an isolate may be lost, shared or late at any time without a program noticing.

import { Interpreter, type ProgramResult } from "./interpreter.ts";
import { JobTickets } from "./job-tickets.ts";
import type { ProgramLimits, RunnerEnv, SandboxJob } from "./job.ts";
import type { SandboxAnswer } from "../sandbox-answer.ts";
import { Output } from "./output.ts";
import { now } from "./browser.ts";
import { meter } from "./wasm-gate.ts";

/** What a tool's result may hold. */
const keptBytes = 64 * 1024;
/** A program that prints more is stopped. */
const printedBytes = 4 * 1024 * 1024;

/** What the interpreter's namespace holds: a run and the programs that ended well in it. */
interface Seen {
  readonly runId: string;
  readonly programs: readonly string[];
}

function endOf(result: ProgramResult): SandboxAnswer["end"] {
  if (result.meter.reason !== null) {
    return result.meter.reason; // even if the program caught the interrupt and ended by itself
  }
  return result.end === "torn" ? "crashed" : result.end;
}

/** Of a program whose caller left before it began. */
const neverBegun: ProgramResult = { end: "torn", detail: "", meter: { fuel: 0, reason: "cancelled" } };

/** Zips that the manifest lists, e.g. sympy; each is a module of the isolate. */
async function loadPacks(names: readonly string[]): Promise<ReadonlyMap<string, ArrayBuffer>> {
  const packs = new Map<string, ArrayBuffer>();
  for (const name of names) {
    const pack: { default: ArrayBuffer } = await import(`./${name}`);
    packs.set(name, pack.default);
  }
  return packs;
}

function isSamePrograms(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((code, at) => code === right[at]);
}

/** No interpreter could be made, so no program has run. */
export class BootFailure extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "BootFailure";
  }
}

export class RunSession {
  #packs: Promise<ReadonlyMap<string, ArrayBuffer>> | null = null;
  #interpreter: Interpreter | null = null;
  #seen: Seen | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #tickets = new JobTickets();
  #running: string | null = null;

  /**
   * One job at a time. The pool sends no second one, but a pool that was lost may have left one running. `onReady` is told
   * when there is an interpreter for it: nothing of the run has run in it before.
   */
  execute(job: SandboxJob, env: RunnerEnv, onReady: () => void): Promise<SandboxAnswer> {
    this.#tickets.begin(job.ticket);
    const answer = this.#queue.then(() => this.#executeNow(job, env, onReady));
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  /** Ends a job's program wherever it stands. Does nothing for one that has ended. */
  cancel(ticket: string): void {
    this.#tickets.cancel(ticket);
    if (this.#running === ticket) {
      meter.stop("cancelled");
    }
  }

  async #executeNow(job: SandboxJob, env: RunnerEnv, onReady: () => void): Promise<SandboxAnswer> {
    this.#running = job.ticket;
    try {
      return await this.#answer(job, env, onReady);
    } finally {
      this.#running = null;
      this.#tickets.end(job.ticket);
    }
  }

  async #answer(job: SandboxJob, env: RunnerEnv, onReady: () => void): Promise<SandboxAnswer> {
    const { interpreter, programs, bootMs } = await this.#interpreterFor(job, env);
    onReady();
    const about = { interpreter: interpreter.name, bootMs, replayed: 0 };
    if (programs.length < job.earlierCode.length) {
      const failure = await this.#replay(interpreter, job);
      if (failure !== null) {
        const detail = `while the run's earlier programs ran again: ${failure.detail || failure.end}`;
        return { ...failure, ...about, detail };
      }
      about.replayed = job.earlierCode.length;
    }
    const answer = await this.#runOne(interpreter, job, job.code, job.earlierCode.length + 1, job.limits);
    if (answer.end === "completed") {
      this.#seen = { runId: job.runId, programs: [...job.earlierCode, job.code] };
    }
    return { ...answer, ...about };
  }

  /**
   * The interpreter, what it has seen of this job (all earlier programs, or none), and how long its boot took: 0 where
   * none was needed. Until the job has ended well nothing counts as seen: the log knows only programs that ended well,
   * and what a failed one left behind must not depend on whether this isolate survived.
   */
  async #interpreterFor(job: SandboxJob, env: RunnerEnv) {
    const current = this.#interpreter?.isTorn === false ? this.#interpreter : null;
    const seen = this.#seen;
    this.#seen = null;
    if (current !== null && seen?.runId === job.runId && isSamePrograms(seen.programs, job.earlierCode)) {
      return { interpreter: current, programs: seen.programs, bootMs: 0 };
    }
    // The old interpreter must be garbage before a new one takes memory, and what fails here leaves none.
    this.#interpreter = null;
    const isReusable = current !== null && job.isolation === "namespace";
    const startedAt = now();
    const interpreter = isReusable ? current : await this.#boot(env);
    const bootMs = isReusable ? 0 : now() - startedAt;
    interpreter.beginRun(job.runId);
    this.#interpreter = interpreter;
    return { interpreter, programs: [], bootMs };
  }

  async #boot(env: RunnerEnv): Promise<Interpreter> {
    try {
      this.#packs ??= loadPacks(env.packs);
      return await Interpreter.boot(env, await this.#packs);
    } catch (error) {
      throw new BootFailure(error);
    }
  }

  /** Null when all ran; what they print and raise now is not news, only being stopped is. */
  async #replay(interpreter: Interpreter, job: SandboxJob): Promise<SandboxAnswer | null> {
    const left = { ...job.replayLimits };
    for (const [at, code] of job.earlierCode.entries()) {
      const answer = await this.#runOne(interpreter, job, code, at + 1, { ...left });
      if (answer.end === "time_limit" && answer.waitedMs >= left.waitMs) {
        // Each of them kept its own limit once, and together they may have more than there is time for now.
        const detail = `they waited for more than ${job.replayLimits.waitMs / 1000} s`;
        return { ...answer, end: "replay_limit", detail, stdout: "", cut: false };
      }
      if (answer.end !== "completed" && answer.end !== "raised") {
        return { ...answer, stdout: "", cut: false };
      }
      left.maxFuel = Math.max(1, left.maxFuel - answer.fuel);
      left.waitMs = Math.max(1, left.waitMs - answer.waitedMs);
      left.timeMs = Math.max(1, left.timeMs - answer.computedMs);
    }
    return null;
  }

  async #runOne(
    interpreter: Interpreter,
    job: SandboxJob,
    code: string,
    number: number,
    limits: ProgramLimits,
  ): Promise<SandboxAnswer> {
    const output = new Output({ keptBytes, printedBytes }, () => meter.interrupt("output_limit"));
    const startedAt = now();
    const isWanted = this.#tickets.isWanted(job.ticket);
    const result = isWanted ? await interpreter.run(code, number, limits, output) : neverBegun;
    return {
      end: endOf(result),
      detail: result.end === "torn" ? result.detail : "",
      stdout: output.text,
      value: result.end === "torn" ? null : result.value,
      traceback: result.end === "torn" ? null : result.traceback,
      cut: output.isCut || (result.end !== "torn" && result.cut),
      interpreter: interpreter.name,
      fuel: result.meter.fuel,
      heapBytes: meter.heapBytes,
      bootMs: 0,
      runMs: now() - startedAt,
      computedMs: isWanted ? meter.time.computedMs : 0,
      waitedMs: isWanted ? meter.time.waitedMs : 0,
      replayed: 0,
    };
  }
}
