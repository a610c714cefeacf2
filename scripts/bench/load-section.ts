// Section 3: runs a second with a number of runs in flight over an engine that takes its time, against the bare loop
// and against the ideal, in which only the engine takes time.

import { keepInFlight, type Load } from "./client.ts";
import { median, short, table } from "./numbers.ts";
import { type ProcessUse, withProcessUse } from "./process-use.ts";
import type { Section, Verdict } from "./report.ts";
import type { Target } from "./servers.ts";

/** DESIGN section 8: of the bare loop's rate, at the widest level. */
const minShare = 0.7;
/** `ps` counts whole seconds on some systems; fewer of them would say nothing. */
const minCpuSeconds = 4;

const head = [
  "in flight",
  "service/s",
  "bare/s",
  "ideal/s",
  "of bare",
  "of ideal",
  "completed",
  "p50",
  "CPU ms a run (bare)",
  "peak MB (bare)",
];

export interface Level {
  readonly inFlight: number;
  readonly runs: number;
  readonly rounds: number;
}

export interface LoadOptions {
  readonly service: Target;
  readonly bare: Target;
  readonly callsPerRun: number;
  readonly latencyMs: number;
  readonly levels: readonly Level[];
}

interface Rate {
  readonly perSecond: number;
  readonly medianSeconds: number;
  readonly completed: number;
  readonly failed: number;
  readonly firstError: string | null;
  readonly peakMb: number | null;
  readonly cpuMsPerRun: number | null;
}

export async function measureLoad(options: LoadOptions): Promise<Section> {
  const rows: string[][] = [];
  const errors: string[] = [];
  let widest: Verdict[] = [];
  for (const level of options.levels) {
    const { service, bare } = await measureLevel(options, level);
    const ideal = level.inFlight / (options.callsPerRun * (options.latencyMs / 1000));
    const share = service.perSecond / bare.perSecond;
    rows.push([
      String(level.inFlight),
      short(service.perSecond),
      short(bare.perSecond),
      short(ideal),
      short(share),
      short(service.perSecond / ideal),
      `${service.completed} of ${service.completed + service.failed}`,
      `${short(service.medianSeconds)} s`,
      `${whole(service.cpuMsPerRun)} (${whole(bare.cpuMsPerRun)})`,
      `${whole(service.peakMb)} (${whole(bare.peakMb)})`,
    ]);
    errors.push(...(service.firstError === null ? [] : [`  first failure: ${service.firstError}`]));
    widest = [verdictOn(level, share, service)];
  }
  return {
    title: `3. Runs a second over an engine of ${options.latencyMs} ms (${options.callsPerRun} calls a run)`,
    text: [table([head, ...rows]), ...errors].join("\n"),
    verdicts: widest,
  };
}

function verdictOn({ inFlight }: Level, share: number, service: Rate): Verdict {
  return {
    promise: `${inFlight} runs in flight`,
    target: `at least ${minShare * 100} % of bare, all completing`,
    reached: `${short(share * 100)} %, ${service.failed} failed`,
    kept: share >= minShare && service.failed === 0,
  };
}

function whole(value: number | null): string {
  return value === null ? "?" : value.toFixed(0);
}

/** By turns, so that both see the same noise. */
async function measureLevel({ service, bare }: LoadOptions, level: Level): Promise<{ service: Rate; bare: Rate }> {
  const ofService: Measured[] = [];
  const ofBare: Measured[] = [];
  for (let round = 0; round < level.rounds; round += 1) {
    ofBare.push(await measure(bare, level));
    ofService.push(await measure(service, level));
  }
  return { service: toRate(ofService), bare: toRate(ofBare) };
}

type Measured = Load & ProcessUse;

async function measure(target: Target, level: Level): Promise<Measured> {
  const { result, ...use } = await withProcessUse(target.stateDir, () =>
    keepInFlight(level.inFlight, level.runs, target.run),
  );
  return { ...result, ...use };
}

function toRate(loads: readonly Measured[]): Rate {
  return {
    perSecond: median(loads.map((load) => load.completed / load.seconds)),
    medianSeconds: median(loads.flatMap((load) => load.latenciesMs)) / 1000,
    completed: loads.reduce((sum, load) => sum + load.completed, 0),
    failed: loads.reduce((sum, load) => sum + load.failed, 0),
    firstError: loads.find((load) => load.firstError !== null)?.firstError ?? null,
    peakMb: most(loads.map((load) => load.peakMb)),
    cpuMsPerRun: most(
      loads.map(({ cpuSeconds, completed }) =>
        cpuSeconds === null || cpuSeconds < minCpuSeconds ? null : (cpuSeconds * 1000) / completed,
      ),
    ),
  };
}

/** Null unless all are known. */
function most(values: readonly (number | null)[]): number | null {
  const known = values.flatMap((value) => value ?? []);
  return known.length === values.length && known.length > 0 ? Math.max(...known) : null;
}
