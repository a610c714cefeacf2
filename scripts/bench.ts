// `npm run bench`: what the service costs beside a bare loop that does only what every durable loop must, measured in
// the same minutes on the same machine. It reports promises that are missed; it fails only when something breaks.
//
//   npm run bench                  about eight minutes
//   npm run bench -- --quick       under a minute, too few runs to judge by
//   npm run bench -- --only load   one section: turn, stream, load, offline or export

import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { measureExports } from "./bench/export-section.ts";
import { type Level, measureLoad } from "./bench/load-section.ts";
import { type MockEngine, startMockEngine } from "./bench/mock-engine.ts";
import { measureOffline } from "./bench/offline-section.ts";
import { recordPlan } from "./bench/recording.ts";
import { printSection, printVerdicts, type Section } from "./bench/report.ts";
import { startBareLoop, startService, type Target } from "./bench/servers.ts";
import { measureStreams } from "./bench/stream-section.ts";
import { measureTurns } from "./bench/turn-section.ts";
import { ensureSandbox } from "./sandbox/build.ts";

const turns = 3;
const latencyMs = 200;
const question = { query: "What is six times seven?", tools: ["base_generator"] };

interface Size {
  readonly rounds: number;
  readonly runsPerRound: number;
  readonly streams: number;
  readonly offlineRuns: number;
  /** Turn rows of each export. */
  readonly exportRows: readonly number[];
  readonly levels: readonly Level[];
}

const full: Size = {
  rounds: 10,
  runsPerRound: 20,
  streams: 100,
  offlineRuns: 30,
  exportRows: [1000, 10_000, 100_000],
  levels: [
    { inFlight: 1, runs: 3, rounds: 2 },
    { inFlight: 100, runs: 400, rounds: 2 },
    { inFlight: 1000, runs: 1500, rounds: 2 },
  ],
};
const quick: Size = {
  rounds: 2,
  runsPerRound: 5,
  streams: 10,
  offlineRuns: 3,
  exportRows: [1000],
  levels: [
    { inFlight: 1, runs: 1, rounds: 1 },
    { inFlight: 20, runs: 20, rounds: 1 },
  ],
};

const sections = ["turn", "stream", "load", "offline", "export"] as const;
const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string", multiple: true } },
});
const wanted = new Set<string>(values.only ?? sections);
const size = values.quick ? quick : full;

// Ended by hand, it still ends its mock engine; wrangler ends by itself when we are gone.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(130));
}
console.log(
  `${new Date().toISOString()}  ${cpus().length} x ${cpus()[0]?.model ?? "?"}  Node ${process.versions.node}  load ${loadOf()}`,
);
await ensureSandbox(console.log);
const results: Section[] = [];
if (["turn", "stream", "load"].some((name) => wanted.has(name))) {
  await measureHosted();
}
if (wanted.has("offline")) {
  done(await measureOffline(size.offlineRuns));
}
if (wanted.has("export")) {
  done(await measureExports(size.exportRows));
}
printVerdicts(results.flatMap((section) => section.verdicts));
console.log(`\nload at the end ${loadOf()}`);

function loadOf(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

function done(section: Section): void {
  results.push(section);
  printSection(section);
}

async function measureHosted(): Promise<void> {
  const started: (Target | MockEngine)[] = [];
  const keep = <T extends Target | MockEngine>(one: T): T => {
    started.push(one);
    return one;
  };
  try {
    const engine = keep(await startMockEngine({ port: 0, latencyMs: 0, turns }));
    const service = keep(
      await startService({ INFERENCE_BASE_URL: engine.url, INFERENCE_MODEL: "mock-model" }, question),
    );
    const plan = await recordPlan(service.client, engine, await service.solve());
    const bare = keep(await startBareLoop(plan));
    const callsPerRun = plan.calls.length;
    if (wanted.has("turn")) {
      const { rounds, runsPerRound } = size;
      done(await measureTurns({ service, bare, turns, callsPerRun, rounds, runsPerRound }));
    }
    if (wanted.has("stream")) {
      done(await measureStreams(service, question, size.streams));
    }
    if (wanted.has("load")) {
      // The same address answers from now on after 200 ms.
      await engine.stop();
      started.splice(started.indexOf(engine), 1);
      keep(await startMockEngine({ port: engine.port, latencyMs, turns }));
      done(await measureLoad({ service, bare, callsPerRun, latencyMs, levels: size.levels }));
    }
  } finally {
    await Promise.all(started.map((one) => one.stop()));
  }
}
