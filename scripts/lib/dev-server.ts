// A local server: the Worker under `wrangler dev`, all its state in one folder. `npm start`, the benchmarks and
// the black-box tests start it the same way. It starts nothing detached, and nothing of it outlives the caller.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as z from "zod";
import { writeEnvFile } from "./env-file.ts";
import { entryOf, workerBundle } from "./worker-bundle.ts";

const root = resolve(import.meta.dirname, "../..");
const wranglerCli = join(root, "node_modules/wrangler/wrangler-dist/cli.js");
const guard = pathToFileURL(join(import.meta.dirname, "child-guard.mjs")).href;

export interface DevServerOptions {
  readonly host: string;
  readonly port: number;
  /** Absolute; created if it is not there. */
  readonly stateDir: string;
  /** The Worker's variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where wrangler's own lines go. */
  readonly output: "inherit" | "ignore";
  /** Another configuration than the project's, e.g. of a benchmark's Worker; absolute. */
  readonly config?: string;
}

export interface DevServer {
  readonly url: string;
  /** Settles when the server has ended, with its exit code. */
  readonly ended: Promise<number>;
  stop(): Promise<void>;
}

/** wrangler's own environment: no questions, no telemetry, no look-ups outside, no traces (they halve the speed). */
const quiet = {
  CI: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_SEND_METRICS: "false",
};

function wranglerEnv(): NodeJS.ProcessEnv {
  return { X_LOCAL_EXPLORER: "false", X_LOCAL_OBSERVABILITY: "false", ...process.env, ...quiet };
}

const Message = z.discriminatedUnion("event", [
  z.object({ event: z.literal("AGENTFLOW_CHILD"), pid: z.int() }),
  z.object({ event: z.literal("DEV_SERVER_READY"), port: z.int() }),
]);

/** Resolves when the server listens. Rejects if it ends before that. */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const stateDir = options.stateDir;
  mkdirSync(stateDir, { recursive: true });
  if (options.config === undefined) {
    migrateLedger(stateDir);
  }
  const entry = builtWorker(options);
  const envFile = join(stateDir, "worker.env");
  writeEnvFile(envFile, options.variables);
  const wrangler = spawn(
    process.execPath,
    ["--no-warnings", "--import", guard, wranglerCli, "dev", entry, ...devArguments(options, envFile)],
    { cwd: root, env: wranglerEnv(), stdio: ["ignore", options.output, options.output, "ipc"] },
  );
  return follow(wrangler, options.host);
}

/** Built before it is served, and served as it is: a server must not change under its users when a source file does. */
function builtWorker(options: DevServerOptions): string {
  const build = (folder: string): void => {
    runWrangler(["deploy", "--dry-run", "--outdir", folder, ...configArguments(options)], "The Worker cannot be built");
  };
  if (options.config === undefined) {
    return workerBundle(root, build);
  }
  // Another Worker's sources are not known here.
  const folder = join(options.stateDir, "bundle");
  build(folder);
  return entryOf(folder);
}

// Named even where it is the default: wrangler looks for it beside the script that it is given.
function configArguments({ config }: DevServerOptions): string[] {
  return ["--config", config ?? join(root, "wrangler.toml")];
}

function devArguments(options: DevServerOptions, envFile: string): string[] {
  const flags = {
    ip: options.host,
    port: String(options.port),
    "inspector-port": "0",
    "persist-to": join(options.stateDir, "wrangler"),
    "env-file": envFile,
    "log-level": "error",
    "show-interactive-dev-session": "false",
  };
  return [
    "--local",
    "--no-bundle",
    ...configArguments(options),
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
  ];
}

async function follow(wrangler: ChildProcess, host: string): Promise<DevServer> {
  const children = new Set<number>();
  const ready = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<number>();
  wrangler.on("message", (message) => {
    // Both wrangler and the guard send JSON texts.
    const read = Message.safeParse(typeof message === "string" ? JSON.parse(message) : message);
    if (!read.success) {
      return;
    }
    if (read.data.event === "AGENTFLOW_CHILD") {
      children.add(read.data.pid);
    } else {
      ready.resolve(read.data.port);
    }
  });
  wrangler.on("exit", (code) => {
    // Killed outright, wrangler leaves its workerd behind with the port and the state open.
    children.forEach(killQuietly);
    ended.resolve(code ?? 1);
    ready.reject(new Error(`the server ended with code ${code ?? "none"} before it listened`));
  });
  const port = await ready.promise;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ended: ended.promise,
    async stop() {
      wrangler.kill("SIGTERM");
      await ended.promise;
    },
  };
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** Applies the ledger's migrations to the local D1 in a folder that exists; a stamp spares the seconds this takes when nothing is new. */
export function migrateLedger(stateDir: string): void {
  const stampFile = join(stateDir, "migrations.stamp");
  const stamp = migrationsStamp();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
    return;
  }
  const persist = join(stateDir, "wrangler");
  runWrangler(
    ["d1", "migrations", "apply", "DB", "--local", "--persist-to", persist],
    "The ledger's migrations cannot be applied",
  );
  writeFileSync(stampFile, stamp);
}

function runWrangler(args: readonly string[], failure: string): void {
  const done = spawnSync(process.execPath, ["--no-warnings", wranglerCli, ...args], {
    cwd: root,
    env: wranglerEnv(),
    encoding: "utf8",
  });
  if (done.status !== 0) {
    throw new Error(`${failure}:\n${done.stdout}\n${done.stderr}`);
  }
}

function migrationsStamp(): string {
  const folder = join(root, "migrations");
  const hash = createHash("sha256");
  for (const file of readdirSync(folder).toSorted()) {
    hash.update(`${file}\0`).update(readFileSync(join(folder, file)));
  }
  return hash.digest("hex");
}
