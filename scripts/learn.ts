// `npm run learn`: the offline planner learns from its own rollouts. It starts the service, lets it play batches,
// takes datasets out of it, trains on them and brings new versions back, and prints how success on held-out tasks
// grows. Its server has a port and a folder of its own; nothing of another one is touched.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Arm, arms, armTexts } from "./learn/arms.ts";
import type { Arena } from "./learn/arena.ts";
import { drawCurve } from "./learn/curve.ts";
import { createLocalArena } from "./learn/local-arena.ts";
import { examText, iterationHead, iterationLine, meansTable, studyTable, textCurve } from "./learn/report.ts";
import { createServiceArena } from "./learn/service-arena.ts";
import { loadMeasured, type Measured, saveMeasured } from "./learn/results.ts";
import { examine, fullTraining, quickTraining, train, type Training } from "./learn/train.ts";
import { rounded, toWeightsJson } from "./learn/weights-file.ts";

const help = `npm run learn -- [options]
  --seed <n>          1 unless set
  --iterations <n>    ${fullTraining.iterations} unless set
  --arm <name>        ${arms.join(", ")}
  --quick             three small iterations
  --examine <split>   heldout unless set; validation while you work on features or training
  --local             without the service: the same loop in this process
  --study             every arm with five seeds, in this process
  --results <folder>  keeps what was measured; a study plays only what is not there yet
  --curve <file.svg>  draws held-out success by iteration
  --out <file.json>   writes the trained weights
  --version <name>    what the written weights are called`;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    iterations: { type: "string" },
    arm: { type: "string", default: "normal" },
    quick: { type: "boolean", default: false },
    examine: { type: "string", default: "heldout" },
    local: { type: "boolean", default: false },
    study: { type: "boolean", default: false },
    results: { type: "string" },
    curve: { type: "string" },
    out: { type: "string" },
    version: { type: "string", default: "offline-1" },
    help: { type: "boolean", default: false },
  },
});

const studySeeds = [1, 2, 3, 4, 5];
/** Weights that do not move sample the same way for ever. */
const zeroIterations = 3;
const examSplit = (["heldout", "validation"] as const).find((split) => split === values.examine);
const size = { ...(values.quick ? quickTraining : fullTraining), examSplit: examSplit ?? "heldout" };

// Ended by hand, it still removes its state, which may lie in memory; the server ends by itself when we are gone.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(130));
}

if (values.help) {
  console.log(help);
} else {
  const arm = arms.find((name) => name === values.arm);
  const [seed, iterations] = [Number(values.seed), Number(values.iterations ?? size.iterations)];
  if (
    arm === undefined ||
    examSplit === undefined ||
    !Number.isSafeInteger(seed) ||
    !Number.isSafeInteger(iterations) ||
    iterations < 1
  ) {
    console.error(help);
    process.exitCode = 2;
  } else if (values.study) {
    await study(iterations);
  } else {
    await learn(arm, seed, iterations);
  }
}

async function learn(arm: Arm, seed: number, iterations: number): Promise<void> {
  const curveArena = await createLocalArena();
  const arena = values.local ? curveArena : await createServiceArena();
  console.log(`${arm}: ${armTexts[arm]}; seed ${seed}, played ${arena.name}`);
  try {
    const training = await trainAloud({ arena, curveArena }, arm, seed, iterations);
    console.log(`\n${textCurve(training.iterations)}\n`);
    console.log(`before  ${examText(training.before)}, on ${size.examTasks} ${size.examSplit} tasks`);
    console.log(`after   ${examText(training.after)}`);
    if (training.isUntouched) {
      console.log("the weights are bit-identical to the untrained ones");
    }
    drawInto(values.curve, [training]);
    if (values.out !== undefined) {
      await write(values.out, training, curveArena);
    }
  } finally {
    await arena.close();
  }
}

async function trainAloud(
  arenas: { readonly arena: Arena; readonly curveArena: Arena },
  arm: Arm,
  seed: number,
  iterations: number,
): Promise<Training> {
  console.log(`\n${iterationHead}`);
  const training = await train(arenas, { ...size, arm, seed, iterations }, (report) => {
    console.log(iterationLine(report));
  });
  if (values.results !== undefined) {
    const { weights: _weights, ...measured } = training;
    saveMeasured(values.results, measured);
  }
  return training;
}

async function study(iterations: number): Promise<void> {
  const arena = await createLocalArena();
  const trainings: Measured[] = [];
  for (const arm of arms) {
    const played = arm === "zero" ? Math.min(iterations, zeroIterations) : iterations;
    for (const seed of studySeeds) {
      const kept = values.results === undefined ? null : loadMeasured(values.results, arm, seed, played);
      console.log(`\n${arm}: ${armTexts[arm]}; seed ${seed}${kept === null ? "" : ", played before"}`);
      if (kept === null) {
        trainings.push(await trainAloud({ arena, curveArena: arena }, arm, seed, played));
      } else {
        console.log([`\n${iterationHead}`, ...kept.iterations.map(iterationLine)].join("\n"));
        trainings.push(kept);
      }
      drawInto(values.curve, trainings);
    }
  }
  console.log(`\n${studyTable(trainings)}\n\n${meansTable(trainings)}`);
}

function drawInto(file: string | undefined, trainings: readonly Measured[]): void {
  if (file !== undefined) {
    writeFileSync(file, drawCurve(trainings));
  }
}

/** Examined once more as written: the file holds rounded numbers. */
async function write(file: string, training: Training, arena: Arena): Promise<void> {
  const weights = rounded(training.weights, values.version);
  await arena.publish(weights, []);
  console.log(`${weights.version}  ${examText(await examine(arena, size))}`);
  writeFileSync(file, toWeightsJson(weights));
}
