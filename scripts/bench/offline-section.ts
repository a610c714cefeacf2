// Section 4, for information: a run of the offline engine from end to end, its Python sandbox included.

import { performance } from "node:perf_hooks";
import { keepInFlight } from "./client.ts";
import { quantile, short } from "./numbers.ts";
import type { Section } from "./report.ts";
import { startService } from "./servers.ts";

/** One turn of python_coder. */
const question = { query: "What is 17 * 23?", tools: ["python_coder"] };

export async function measureOffline(runs: number): Promise<Section> {
  const service = await startService({ INFERENCE_BASE_URL: "offline" }, question);
  try {
    const from = performance.now();
    await service.run();
    const coldMs = performance.now() - from;
    const load = await keepInFlight(1, runs, service.run);
    if (load.failed > 0) {
      throw new Error(`an offline run failed: ${load.firstError}`);
    }
    const warm = `p50 ${short(quantile(load.latenciesMs, 0.5))} ms, p90 ${short(quantile(load.latenciesMs, 0.9))} ms`;
    return {
      title: `4. The offline engine, "${question.query}" (${runs} runs, each in a fresh interpreter)`,
      text: `  first run ${short(coldMs)} ms, then ${warm}`,
      verdicts: [{ promise: "offline run, sandbox warm", target: "", reached: warm, kept: null }],
    };
  } finally {
    await service.stop();
  }
}
