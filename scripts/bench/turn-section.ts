// Section 1: what a turn costs over an engine that answers at once, one run at a time, service and bare loop by turns.

import { keepInFlight } from "./client.ts";
import { median, quantile, short, table } from "./numbers.ts";
import type { Section } from "./report.ts";
import type { Target } from "./servers.ts";

/** DESIGN section 8. */
const maxRatio = 1.5;
/** Code and caches are cold in the first runs of a server. */
const warmUpRuns = 20;

export interface TurnOptions {
  readonly service: Target;
  readonly bare: Target;
  readonly turns: number;
  readonly callsPerRun: number;
  readonly rounds: number;
  readonly runsPerRound: number;
}

export async function measureTurns(options: TurnOptions): Promise<Section> {
  const { service, bare, turns, callsPerRun, rounds, runsPerRound } = options;
  await Promise.all([service, bare].map((target) => keepInFlight(1, warmUpRuns, target.run)));
  const serviceMs: number[] = [];
  const bareMs: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const ofBare = await turnTimes(bare, options);
    const ofService = await turnTimes(service, options);
    bareMs.push(...ofBare);
    serviceMs.push(...ofService);
    ratios.push(median(ofService) / median(ofBare));
  }
  // Neighbours share the noise of their moment; what drifts over minutes cancels out.
  const ratio = median(ratios);
  const row = (name: string, ms: readonly number[]) => [name, short(median(ms)), short(quantile(ms, 0.9))];
  const times = table([["", "p50 ms", "p90 ms"], row("service", serviceMs), row("bare loop", bareMs)]);
  const spread = `${short(Math.min(...ratios))} to ${short(Math.max(...ratios))}`;
  return {
    title: `1. A turn over an engine that answers at once (${turns} turns, ${callsPerRun} calls a run; whole run divided by its turns)`,
    text: `${times}\n  ratio ${short(ratio)}, median of ${rounds} rounds of ${runsPerRound} runs each (${spread})`,
    verdicts: [
      {
        promise: "a turn against the bare loop",
        target: `at most ${maxRatio} x`,
        reached: `${short(ratio)} x (${short(median(serviceMs))} against ${short(median(bareMs))} ms)`,
        kept: ratio <= maxRatio,
      },
    ],
  };
}

async function turnTimes(target: Target, { turns, runsPerRound }: TurnOptions): Promise<number[]> {
  const load = await keepInFlight(1, runsPerRound, target.run);
  if (load.failed > 0) {
    throw new Error(`a run of the ${target.name} failed: ${load.firstError}`);
  }
  return load.latenciesMs.map((ms) => ms / turns);
}
