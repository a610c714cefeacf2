// `npm start`: the whole service on this machine, with embedded defaults, no key and no network. It listens on
// loopback only, because it lets anyone in; it refuses any other address, a state folder or port that is in use, and
// settings that could answer no question.

import { createServer } from "node:net";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Role } from "../src/engines/engine.ts";
import { readEndpoint } from "../src/engines/endpoints.ts";
import { webVariables } from "../src/tools/web-service/web-variables.ts";
import { findLocalModel } from "./lib/local-models.ts";
import { type DevServer, startDevServer } from "./lib/dev-server.ts";
import { lockStateDir } from "./lib/state-lock.ts";
import { ensureSandbox } from "./sandbox/build.ts";

const defaults = { host: "127.0.0.1", port: "8787", stateDir: ".agentflow" } as const;
/** The cron of wrangler.toml, which local emulation does not fire by itself. */
const cronMs = 15 * 60 * 1000;
/** The first request loads the Worker; on a busy machine that takes seconds. */
const healthyWithinMs = 60_000;

/** Variables of this process that the Worker sees; nothing else of the environment is passed on. */
const passedOn =
  /^(INFERENCE|ANALYZER|PLANNER|EXECUTOR|VERIFIER|GENERATOR|JUDGE|TOOL)_(BASE_URL|MODEL|API_KEY|LOGPROBS_MODE)$|^(ENGINE_TIMEOUT_SECONDS|PLANNER_VERSION|SANDBOX_POOL|LEASE_SECONDS|CORS_ORIGINS|FETCH_(?:ALLOW|ALLOW_HOSTS|DENY_HOSTS|PORTS|DNS_URL)|TICKET_SECRET|EXPORT_WAIT_SECONDS|MAX_POLICY_STALENESS|DATASET_WEBHOOK_(?:URL|SECRET)|MCP_SERVERS|OPENAPI_TOOLS)$|^(?:TENANT|TOOL)_SECRET_[A-Z0-9_]+$/;

function setting(name: string, fallback: string): string {
  const value = process.env[name]?.trim() ?? "";
  return value === "" ? fallback : value;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function readPort(text: string): number {
  const port = Number(text);
  return Number.isInteger(port) && port >= 0 && port <= 65_535
    ? port
    : fail(`PORT must be a port number, not "${text}".`);
}

/** Ends here if nobody could listen. Another may still come first; then wrangler says so. */
async function checkPort(host: string, port: number): Promise<void> {
  const probe = createServer();
  const failed = await new Promise<string | null>((done) => {
    probe.once("error", (error) => done(error.message));
    probe.listen(port, host, () => probe.close(() => done(null)));
  });
  if (failed !== null) {
    fail(`Port ${port} of ${host} cannot be used (${failed}). Set PORT to another one; PORT=0 takes any free one.`);
  }
}

/** A role without a usable endpoint would fail every run. No run asks the judge yet. */
function checkEndpoints(variables: Readonly<Record<string, string>>): void {
  for (const role of Role.exclude(["judge"]).options) {
    const choice = readEndpoint(variables, role);
    if (choice.kind === "invalid") {
      fail(`The ${role} has no engine: ${choice.detail}. Set it right, or INFERENCE_BASE_URL=offline.`);
    }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(healthyWithinMs) })).ok;
  } catch {
    return false;
  }
}

/** False if the server ended meanwhile, or does not answer in time. */
async function isHealthy({ url, ended }: DevServer): Promise<boolean> {
  const stop = new AbortController();
  void ended.then(() => stop.abort());
  for (const deadline = Date.now() + healthyWithinMs; Date.now() < deadline && !stop.signal.aborted;) {
    if (await answers(url)) {
      return true;
    }
    await pause(50);
  }
  return false;
}

/** What to try first; with keys, how to make one. */
function firstCall(url: string, needsKey: boolean): string {
  const call = (header: string) =>
    `  curl ${url}/v1/solve ${header}-H 'content-type: application/json' -d '{"query":"Make 24 from 4, 7, 8, 8."}'`;
  const folder = setting("STATE_DIR", "") === "" ? "" : `STATE_DIR='${stateDir}' `;
  const makeKey = `  KEY=$(${folder}npm run -s keys:create -- --tenant me --scopes solve,tools,datasets)`;
  return needsKey ? `${makeKey}\n${call('-H "authorization: Bearer $KEY" ')}` : call("");
}

/** The engine's variables, and a line for people that says which was taken. */
async function chooseEngine(port: number): Promise<{ variables: Record<string, string>; said: string }> {
  const baseUrl = setting("INFERENCE_BASE_URL", "");
  if (baseUrl.toLowerCase() === "offline") {
    return { variables: { INFERENCE_BASE_URL: "offline" }, said: "the offline engine (INFERENCE_BASE_URL=offline)" };
  }
  if (baseUrl !== "") {
    const model = setting("INFERENCE_MODEL", "a model for each role");
    return { variables: {}, said: `${model} at ${baseUrl} (INFERENCE_BASE_URL)` };
  }
  const local = await findLocalModel(port);
  if (local !== null) {
    // A key and a model in the environment are for some other server, which was not named.
    const variables = { INFERENCE_BASE_URL: local.baseUrl, INFERENCE_MODEL: local.model, INFERENCE_API_KEY: "" };
    return { variables, said: `${local.model} at ${local.baseUrl} (${local.server}, found on this machine)` };
  }
  return {
    variables: { INFERENCE_BASE_URL: "offline" },
    said: "the offline engine: arithmetic, 24, dates, units, statistics (set INFERENCE_BASE_URL for a model)",
  };
}

function workerVariables(engine: Record<string, string>): Record<string, string> {
  const isPassed = (name: string) => passedOn.test(name) || webVariables.includes(name);
  const passed = Object.entries(process.env).filter(([name, value]) => isPassed(name) && (value ?? "") !== "");
  const variables: Record<string, string> = {};
  for (const [name, value] of passed) {
    variables[name] = value ?? "";
  }
  const anonymous = setting("ALLOW_ANONYMOUS", "1");
  return { ...variables, ...engine, ...(anonymous === "1" ? { ALLOW_ANONYMOUS: "1" } : {}) };
}

const host = setting("HOST", defaults.host);
if (!isLoopback(host)) {
  fail(
    `HOST=${host} is not a loopback address. npm start asks nobody for a key, so it serves this machine only; deploy for others.`,
  );
}
const port = readPort(setting("PORT", defaults.port));
const stateDir = resolve(setting("STATE_DIR", defaults.stateDir));
const lock = lockStateDir(stateDir);
if (lock === null) {
  fail(`Another server uses the state folder ${stateDir}. Stop it, or set STATE_DIR to another folder.`);
}
await checkPort(host, port);
const engine = await chooseEngine(port);
const variables = workerVariables(engine.variables);
checkEndpoints(variables);
await ensureSandbox(console.log);
const server = await startDevServer({
  host,
  port,
  stateDir,
  variables,
  output: "inherit",
}).catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));

const cron = setInterval(() => {
  fetch(`${server.url}/cdn-cgi/handler/scheduled?cron=*/15+*+*+*+*`).catch(() => undefined);
}, cronMs);
let isAskedToStop = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    isAskedToStop = true;
    clearInterval(cron);
    void server.stop();
  });
}

if (await isHealthy(server)) {
  console.log(`
AgentFlow Edge listens on ${server.url}
  engine  ${engine.said}
  state   ${stateDir}
  docs    ${server.url}/docs

${firstCall(server.url, variables["ALLOW_ANONYMOUS"] !== "1")}
`);
} else if (!isAskedToStop) {
  await server.stop();
  fail(`The server did not answer on ${server.url}/healthz.`);
}

const code = await server.ended;
// To stop when asked is no failure, though wrangler reports the signal that it was ended by.
process.exitCode = isAskedToStop ? 0 : code;
clearInterval(cron);
lock.close();
