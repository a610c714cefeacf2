// A real server process for the black-box lane: `scripts/run.mjs start` in a process group of its own, on a state
// folder of its own. It can be stopped, killed as a whole or in part, and started again on the same state; nothing
// of it is mocked, and it never touches a process that it did not start.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { webVariables } from "../../src/tools/web-service/web-variables.ts";
import { until } from "./until.ts";

const root = resolve(import.meta.dirname, "../..");
export const launcher = join(root, "scripts/run.mjs");
/** The first start on a folder migrates the ledger; on a loaded machine that takes a while. */
const startMs = 90_000;
/** wrangler gives its workerd five seconds to end. */
const stopMs = 30_000;

export interface ServerOptions {
  readonly stateDir: string;
  /** Variables of the start script, over an environment without the tester's own settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** The command that starts the server; default this Node with the launcher. */
  readonly command?: readonly [string, ...string[]];
  readonly cwd?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly output: string;
}

export interface Server {
  readonly url: string;
  readonly stateDir: string;
  /** Everything printed so far. */
  output(): string;
  /** SIGTERM to the start script, as a service manager does. Resolves when no process of the group is left. */
  stop(): Promise<Exit>;
  /** SIGKILL to every process at once: the power cut. */
  kill9(): Promise<void>;
  /** SIGKILL to the started process alone; rejects if the others do not end by themselves. */
  killStarter(): Promise<void>;
}

/** A folder under the system's temporary one, and its removal. */
export function temporaryDir(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "agentflow-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Resolves when /healthz answers; rejects with what was printed if the process ends before that. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const started = spawnStart({ ...options, env: { PORT: "0", ...options.env } });
  const url = await until(
    "the server listens",
    () => {
      if (started.child.exitCode !== null || started.child.signalCode !== null) {
        throw new Error(`the server ended before it listened:\n${started.output()}`);
      }
      return Promise.resolve(/listens on (http:\/\/\S+)/.exec(started.output())?.[1] ?? null);
    },
    startMs,
  ).catch(async (error: unknown) => {
    await started.kill("group");
    throw error;
  });
  const health = await fetch(`${url}/healthz`);
  if (!health.ok) {
    throw new Error(`/healthz answered ${health.status}`);
  }
  return {
    url,
    stateDir: options.stateDir,
    output: () => started.output(),
    async stop() {
      started.child.kill("SIGTERM");
      const exit = await started.exited;
      await started.allGone();
      return exit;
    },
    kill9: () => started.kill("group"),
    killStarter: () => started.kill("starter"),
  };
}

/** For starts that must be refused: runs to the end. */
export async function refusedStart(options: ServerOptions): Promise<Exit> {
  const started = spawnStart(options);
  const late = setTimeout(() => started.child.kill("SIGKILL"), startMs);
  const exit = await started.exited;
  clearTimeout(late);
  await started.allGone();
  return exit;
}

interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  output(): string;
  kill(what: "group" | "starter"): Promise<void>;
  allGone(): Promise<void>;
}

function spawnStart({ stateDir, env = {}, command, cwd = root }: ServerOptions): Started {
  const [file, ...args] = command ?? [process.execPath, launcher, "start"];
  const child = spawn(file, args, {
    cwd,
    env: { ...ownEnvironment(), ...(stateDir === "" ? {} : { STATE_DIR: stateDir }), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that one signal reaches every process of the server and no other.
    detached: true,
  });
  let text = "";
  const collect = (chunk: Buffer) => {
    text += chunk.toString("utf8");
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = new Promise<Exit>((done, fail) => {
    child.on("error", fail);
    child.on("exit", (code, signal) => {
      text += `\n[the server ended with ${signal ?? `code ${code}`}]\n`;
      done({ code, output: text });
    });
  });
  const pid = child.pid ?? 0;
  const allGone = async () => {
    await until(`no process of group ${pid} is left`, () => Promise.resolve(groupOf(pid).length === 0), stopMs);
  };
  return {
    child,
    exited,
    output: () => text,
    allGone,
    async kill(what) {
      const processes = groupOf(pid);
      if (processes.length > 0) {
        process.kill(what === "group" ? -pid : pid, "SIGKILL");
      }
      await exited;
      await allGone();
    },
  };
}

/** What the server reads, and what the test runner sets for itself. */
const settings =
  /^(INFERENCE|ANALYZER|PLANNER|EXECUTOR|VERIFIER|GENERATOR|JUDGE|TOOL|TENANT_SECRET)_|^(HOST|PORT|STATE_DIR|ALLOW_ANONYMOUS|ENGINE_TIMEOUT_SECONDS|SANDBOX_POOL|LEASE_SECONDS|CORS_ORIGINS|FETCH_[A-Z_]+|TICKET_SECRET|EXPORT_WAIT_SECONDS|MAX_POLICY_STALENESS|DATASET_WEBHOOK_[A-Z]+|MCP_SERVERS|OPENAPI_TOOLS)$|^(VITEST|NODE_ENV|NODE_OPTIONS|npm_)/;

function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !settings.test(name) && !webVariables.includes(name)),
  );
}

/** Process ids of a group that still run; one that is dead but not yet reaped does not. */
function groupOf(group: number): number[] {
  return processTable().flatMap(({ pid, pgid, state }) => (pgid === group && !state.startsWith("Z") ? [pid] : []));
}

function processTable(): { pid: number; pgid: number; state: string }[] {
  if (!existsSync("/proc/self/stat")) {
    const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,pgid=,stat="], { encoding: "utf8" });
    return stdout.split("\n").map((line) => {
      const [pid = "", pgid = "", state = ""] = line.trim().split(/\s+/);
      return { pid: Number(pid), pgid: Number(pgid), state };
    });
  }
  return readdirSync("/proc").flatMap((entry) => (/^\d+$/.test(entry) ? readStat(entry) : []));
}

function readStat(pid: string): { pid: number; pgid: number; state: string }[] {
  try {
    // pid (command) state ppid pgrp …; the command may hold blanks and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state = "", , pgid = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [{ pid: Number(pid), pgid: Number(pgid), state }];
  } catch {
    // It ended while the table was read.
    return [];
  }
}
