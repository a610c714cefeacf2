import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docBlocks, outputsOf, toScript } from "../support/doc-blocks.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";
import { runPython, runShell } from "./python.ts";

const root = resolve(import.meta.dirname, "../..");
const state = temporaryDir();
const work = temporaryDir();
let server: Server;

/** A reader stands in the repository; what the page downloads must not stay there. */
function inWorkFolder(text: string): string {
  return text
    .replaceAll("http://127.0.0.1:8787", server.url)
    .replaceAll("lesson-2.json", `${work.path}/lesson-2.json`)
    .replaceAll(/^pip install .*$/gm, "")
    .replaceAll(/(download "\$DATASET"|verify) lesson/g, `$1 ${work.path}/lesson`);
}

beforeAll(async () => {
  server = await startServer({ stateDir: state.path, env: { INFERENCE_BASE_URL: "offline" } });
});

afterAll(async () => {
  await server.stop();
  state.remove();
  work.remove();
});

const blocks = docBlocks("training.md");
const environment = () => ({ AGENTFLOW_URL: server.url, HF_HOME: join(work.path, "hub"), HF_HUB_OFFLINE: "1" });

describe("docs/training.md with the Python package", () => {
  it("goes from tasks to an active planner, batch to export to download to verify", async () => {
    const commands = blocks.filter(({ language }) => language === "sh").map(({ text }) => inWorkFolder(text));
    const outputs = outputsOf(await runShell(toScript(commands), { cwd: root, env: environment() }));
    const packaged = outputs.find((output) => output.includes("six rules")) ?? "";
    const shown = blocks.find(({ language, text }) => language === "text" && text.includes("six rules"))?.text ?? "";
    for (const line of shown.split("\n")) {
      expect(packaged).toContain(line.replace("… ", ""));
    }
    expect(outputs.join("\n")).toContain("lesson-2: registered, step 1\nlesson-2: active");
  });

  it("loads what was downloaded as the page says", async () => {
    const [loading] = blocks.filter(({ language }) => language === "python");
    const printed = await runPython(["-c", loading?.text ?? "raise SystemExit(1)"], {
      cwd: work.path,
      env: environment(),
    });
    expect(printed).toMatch(/\d+ turns, 0 left out/);
    expect(printed).toContain("task_id");
  });

  it("hands the samples to TRL's trainer by the interface that it has", async () => {
    // TRL needs a GPU and a model. What stands in for it takes what the trainer takes and drains the worker as it does.
    const stand = join(work.path, "stand-ins", "trl", "experimental");
    mkdirSync(stand, { recursive: true });
    writeFileSync(join(work.path, "stand-ins", "trl", "__init__.py"), "");
    writeFileSync(join(stand, "__init__.py"), "");
    writeFileSync(join(stand, "async_grpo.py"), asyncGrpo);
    const block = blocks.find(({ language, text }) => language === "python" && text.includes("AsyncGRPOTrainer"));
    const path = join(work.path, "stand-ins");
    const env = { ...environment(), PYTHONPATH: path };
    const printed = await runPython(["-c", block?.text ?? "raise SystemExit(1)"], { cwd: work.path, env });
    expect(printed).toMatch(/trained on [1-9]\d* samples of 2 groups/);
  });

  it("has a block for verl that is a program, and that runs up to verl where torch is", async () => {
    const block = blocks.find(({ language, text }) => language === "python" && text.includes("DataProto"));
    const path = join(work.path, "stand-ins-verl");
    mkdirSync(path);
    writeFileSync(join(path, "verl.py"), verl);
    const program = [
      "import importlib.util",
      `text = ${JSON.stringify(block?.text ?? "(")}`,
      'code = compile(text, "docs/training.md", "exec")',
      'print("compiled")',
      'if importlib.util.find_spec("torch"): exec(code)',
    ].join("\n");
    const env = { ...environment(), PYTHONPATH: path };
    expect(await runPython(["-c", program], { cwd: work.path, env })).toContain("compiled");
  });
});

const asyncGrpo = `
class AsyncGRPOConfig:
    def __init__(self, *, max_steps, per_device_train_batch_size, gradient_accumulation_steps, token_budget, **sampling):
        assert set(sampling) == {"epsilon", "epsilon_high", "temperature"} and token_budget <= 0
        assert max_steps == gradient_accumulation_steps == 1
        self.batch = per_device_train_batch_size


class AsyncGRPOTrainer:
    def __init__(self, model, reward_funcs, args=None, train_dataset=None, rollout_worker=None, weight_transfer=None):
        assert train_dataset is not None
        self.batch, self.worker, self.transfer = args.batch, rollout_worker, weight_transfer

    def train(self):
        self.transfer.init_weight_transfer()
        self.transfer.pause()
        self.transfer.send_weights(iter(()))
        self.transfer.resume()
        self.worker.update_model_version(0)
        self.worker.start()
        samples, ahead = [[self.worker.rollout_buffer.get(timeout=5) for _ in range(self.batch)] for _ in range(2)]
        assert ahead == samples
        assert self.worker.rollout_buffer.empty() and self.worker.metrics_queue.empty()
        for sample in samples:
            assert len(sample.input_ids.tolist()) == len(sample.completion_mask) == len(sample.old_log_probs.tolist())
            assert int(sample.completion_mask.sum()) > 0 and sample.enqueued_at is None
            assert isinstance(sample.advantage, float) and isinstance(sample.model_version, int)
        print("trained on", len(samples), "samples of", len({one.group_id for one in samples}), "groups")
        self.worker.stop()
`;

const verl = `
class DataProto:
    @classmethod
    def from_dict(cls, tensors, non_tensors=None, meta_info=None):
        import torch
        rows = {len(value) for value in [*tensors.values(), *non_tensors.values()]}
        assert len(rows) == 1 and all(isinstance(value, torch.Tensor) for value in tensors.values())
        return cls()
`;
