// DESIGN section 7, the first minute: what `npm start` does on a machine as it is, what it refuses and says, and
// that nothing of it is left behind, however it ends.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Server as NetServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { ServiceInfo } from "../../src/http/wire.ts";
import { startMockOpenAi } from "../support/mock-openai.ts";
import {
  launcher,
  refusedStart,
  type Server,
  type ServerOptions,
  startServer,
  temporaryDir,
} from "../support/server.ts";
import { apiOf, read } from "./support/api.ts";

const state = temporaryDir();
/** Where the start script looks for a model server (scripts/lib/local-models.ts). */
const modelPorts = [11434, 1234, 8000, 8080];
const offline = { INFERENCE_BASE_URL: "offline" };
let server: Server | null = null;

async function start(options: Partial<ServerOptions>): Promise<Server> {
  server = await startServer({ stateDir: state.path, ...options });
  return server;
}

async function infoOf({ url }: Server): Promise<ServiceInfo> {
  return read(ServiceInfo, await apiOf(url).send("GET", "/v1/info"), 200);
}

async function engineOf(started: Server): Promise<string> {
  const info = await infoOf(started);
  return info.engines["planner"]?.model ?? "";
}

/** Listens on a port of loopback; null where somebody else does. */
function occupy(port: number): Promise<{ port: number; free(): Promise<void> } | null> {
  const taken: NetServer = createServer((socket) => socket.destroy());
  return new Promise((done) => {
    taken.once("error", () => done(null));
    taken.listen(port, "127.0.0.1", () => {
      const address = taken.address();
      const free = () => new Promise<void>((closed) => void taken.close(() => closed()));
      done({ port: typeof address === "object" && address !== null ? address.port : 0, free });
    });
  });
}

async function isFree(port: number): Promise<boolean> {
  const held = await occupy(port);
  await held?.free();
  return held !== null;
}

async function freeOnes(ports: readonly number[]): Promise<number[]> {
  const free = await Promise.all(ports.map(isFree));
  return ports.filter((_, index) => free[index]);
}

/** A mock on a port where the start script looks; any port where there is none free. */
async function modelServerOn(port: number | undefined) {
  const mock = await startMockOpenAi({ port: port ?? 0, models: ["nomic-embed-text", "qwen-mock"] });
  return { url: mock.url, requests: mock.requests, [Symbol.asyncDispose]: () => mock.close() };
}

/** The machine's own Node, where it is too old to run the scripts. */
function oldNode(): string | null {
  return (
    ["/usr/bin/node", "/usr/local/bin/node"].find((path) => {
      const version = existsSync(path) ? spawnSync(path, ["--version"], { encoding: "utf8" }).stdout : "";
      return /^v(20|21)\./.test(version);
    }) ?? null
  );
}

afterEach(async () => {
  await server?.kill9();
  server = null;
});
afterAll(() => state.remove());

// Whether something is left behind is the server's own promise: `stop` and `killStarter` reject if it is.
describe("npm start", () => {
  test("needs no variable: port 8787, state in .agentflow, the offline engine, and says so", async ({ skip }) => {
    skip((await freeOnes(modelPorts)).length < modelPorts.length, "a model server may be listening on this machine");
    skip(!(await isFree(8787)), "port 8787 is taken on this machine");
    const folder = temporaryDir();
    const started = await start({ stateDir: "", cwd: folder.path, env: { PORT: "" } });
    expect(started.url).toBe("http://127.0.0.1:8787");
    expect(started.output()).toContain("the offline engine");
    expect(existsSync(join(folder.path, ".agentflow/lock.sqlite"))).toBe(true);
    expect(await engineOf(started)).toMatch(/^offline/);
    await started.kill9();
    folder.remove();
  });

  test("takes a model server that it finds on loopback, and names it; killed outright it leaves nothing", async ({
    skip,
  }) => {
    const [port, ...others] = await freeOnes(modelPorts);
    skip(port === undefined || others.length < modelPorts.length - 1, "a model server may be listening here");
    await using mock = await modelServerOn(port);
    // A key and a model without a URL are for some other server, and must not reach this one.
    const found = await start({ env: { INFERENCE_API_KEY: "elsewhere-key", INFERENCE_MODEL: "elsewhere-model" } });
    expect(found.output()).toMatch(new RegExp(`qwen-mock at ${mock.url} \\(.+, found on this machine\\)`));
    expect(await engineOf(found)).toBe("qwen-mock");
    const run = await apiOf(found.url).solve({ query: "What is six times seven?", tools: ["base_generator"] });
    expect(run).toMatchObject({ status: "completed", answer: "The answer is 42." });
    expect(JSON.stringify(mock.requests)).not.toContain("elsewhere");
    await found.killStarter();
  });

  test("stays offline when told so, says what it can do, refuses a second server on its state, and ends when asked to", async () => {
    const [port] = await freeOnes(modelPorts);
    await using mock = await modelServerOn(port);
    const first = await start({ env: offline });
    expect(first.output()).not.toContain(mock.url);
    expect(first.output()).toContain("the offline engine (INFERENCE_BASE_URL=offline)");
    expect(await engineOf(first)).toMatch(/^offline/);
    expect((await infoOf(first)).features).toEqual(
      expect.arrayContaining(["solve", "rollouts", "exports", "datasets", "policies", "feedback", "mcp_servers"]),
    );
    const second = await refusedStart({ stateDir: state.path, env: { PORT: "0" } });
    expect(second.code).toBe(1);
    expect(second.output).toContain(`Another server uses the state folder ${state.path}`);
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    expect((await first.stop()).code).toBe(0);
  });

  test("passes npm's SIGTERM on", async () => {
    const npm = await start({ env: offline, command: ["npm", "start"] });
    expect((await npm.stop()).output).toContain(`listens on ${npm.url}`);
  });

  test("finds the project's Node where the machine's is too old; killed outright it leaves nothing", async ({
    skip,
  }) => {
    const node = oldNode();
    skip(node === null, "no Node 20 or 21 on this machine");
    const old = await start({ env: offline, command: [node ?? "", launcher, "start"] });
    expect(await engineOf(old)).toMatch(/^offline/);
    await old.killStarter();
  });
});

describe("refusals come at once and say why", () => {
  const refuse = (env: Record<string, string>) => refusedStart({ stateDir: state.path, env: { ...offline, ...env } });

  test.each(["0.0.0.0", "::", "192.168.1.10", "example.com"])("HOST=%s", async (host) => {
    const { code, output } = await refuse({ HOST: host });
    expect(code).toBe(1);
    expect(output).toContain(`HOST=${host} is not a loopback address`);
  });

  test.each(["http", "70000", "-1", "80.5"])("PORT=%s", async (port) => {
    const { code, output } = await refuse({ PORT: port });
    expect(code).toBe(1);
    expect(output).toContain(`PORT must be a port number, not "${port}"`);
  });

  test("a port that is taken", async () => {
    const held = await occupy(0);
    const { code, output } = await refuse({ PORT: String(held?.port) });
    await held?.free();
    expect(code).toBe(1);
    expect(output).toContain(`Port ${held?.port} of 127.0.0.1 cannot be used`);
    expect(output).toContain("Set PORT to another one");
    expect(output).not.toContain("listens on");
  });

  test.each([
    [{ INFERENCE_BASE_URL: "http://127.0.0.1:9/v1" }, "neither ANALYZER_MODEL nor INFERENCE_MODEL is"],
    [{ INFERENCE_BASE_URL: "http://127.0.0.1:9/v1", ANALYZER_MODEL: "a" }, "neither PLANNER_MODEL nor INFERENCE_MODEL"],
    [{ INFERENCE_BASE_URL: "nonsense", INFERENCE_MODEL: "m" }, "INFERENCE_BASE_URL is not an http or https URL"],
    [{ VERIFIER_BASE_URL: "ftp://x", VERIFIER_MODEL: "m" }, "The verifier has no engine: VERIFIER_BASE_URL is not"],
  ])("%j", async (env, said) => {
    const { code, output } = await refuse(env);
    expect(code).toBe(1);
    expect(output).toContain(said);
    expect(output).not.toContain("listens on");
  });
});
