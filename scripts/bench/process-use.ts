// What a server's workerd takes of the machine: peak memory and processor time, sampled with `ps`. Processor time is
// the number that a busy machine spoils least. Where there is no `ps` there is no number rather than a wrong one.

import { execFileSync } from "node:child_process";

const sampleMs = 1000;
/** The columns of `ps -o pid=,ppid=,rss=,time=,args=`; rss is in KiB, time is `[[days-]hours:]minutes:seconds`. */
const line = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+([\d:.-]+)\s+(.*)$/;

interface Sample {
  readonly mb: number;
  readonly cpuSeconds: number;
}

interface Process extends Sample {
  readonly pid: string;
  readonly parent: string;
  readonly args: string;
}

function processes(): Process[] {
  try {
    const text = execFileSync("ps", ["-A", "-ww", "-o", "pid=,ppid=,rss=,time=,args="], { encoding: "utf8" });
    return text.split("\n").flatMap((row) => {
      const [, pid = "", parent = "", kib = "", time = "", args] = line.exec(row) ?? [];
      return args === undefined ? [] : [{ pid, parent, mb: Number(kib) / 1024, cpuSeconds: toSeconds(time), args }];
    });
  } catch {
    return [];
  }
}

function toSeconds(time: string): number {
  const [clock = "", days = "0"] = time.split("-").toReversed();
  return Number(days) * 86_400 + clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** The workerd that runs the Worker of the server on `stateDir`; null where it cannot be told. */
function sample(stateDir: string): Sample | null {
  const all = processes();
  const server = all.find((one) => one.args.includes(`${stateDir}/`) && one.args.includes(" dev "));
  const workers = all.filter((one) => one.parent === server?.pid && /\bworkerd\b.*\bserve\b/.test(one.args));
  // The other one is wrangler's proxy, and small.
  return workers.toSorted((left, right) => right.mb - left.mb)[0] ?? null;
}

export interface ProcessUse {
  readonly peakMb: number | null;
  readonly cpuSeconds: number | null;
}

/** Runs `work` and gives what it took meanwhile. */
export async function withProcessUse<T>(stateDir: string, work: () => Promise<T>): Promise<ProcessUse & { result: T }> {
  const before = sample(stateDir);
  let peakMb = before?.mb ?? 0;
  const sampler = setInterval(() => {
    peakMb = Math.max(peakMb, sample(stateDir)?.mb ?? 0);
  }, sampleMs);
  try {
    const result = await work();
    const after = sample(stateDir);
    return before === null || after === null
      ? { result, peakMb: null, cpuSeconds: null }
      : { result, peakMb: Math.max(peakMb, after.mb), cpuSeconds: after.cpuSeconds - before.cpuSeconds };
  } finally {
    clearInterval(sampler);
  }
}
