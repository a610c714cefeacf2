// The validator: a sound dataset passes, and a dataset that breaks one rule is rejected under that rule, by name of file
// and row. Each broken dataset is written by the project's own writer, with one thing changed.

import { describe, expect, it } from "vitest";
import type { GroupRows, RolloutRows } from "../../../src/training/dataset/build-rows.ts";
import { zstdCodecs } from "../../../src/training/dataset/codecs.ts";
import type { RolloutTableRow, TurnTableRow } from "../../../src/training/dataset/columns.ts";
import type { Finding } from "../../../src/training/dataset/findings.ts";
import { validateDataset, validateSet } from "../../../src/training/dataset/validate.ts";
import { groupRows, terms } from "../../support/dataset-rows.ts";
import { type Files, memorySource, writeDataset, writeTable } from "../../support/memory-dataset.ts";

const sound = groupRows(
  [
    { reward: 1, turns: 1 },
    { reward: 0.3, turns: 2, tokens: null },
    { reward: 0, turns: 3, tokens: 0 },
    { reward: 0, turns: 3 },
    { reward: null, turns: 1, invalid: "engine_failed" },
  ],
  { name: "1" },
);
const uniform = groupRows(
  [
    { reward: 0.1, turns: 1 },
    { reward: 0.1, turns: 2 },
    { reward: 0.1, turns: 1 },
  ],
  { name: "2" },
);
const partial = groupRows([{ reward: 1, turns: 2 }], { name: "3", group: { complete: false } });

type Brief = Pick<Finding, "rule" | "file" | "group_id" | "rollout_id">;

async function findingsOf(files: Files): Promise<Brief[]> {
  const { findings, valid, total } = await validateDataset(memorySource(files), zstdCodecs);
  expect(valid).toBe(total === 0);
  return findings.map(({ rule, file, group_id, rollout_id }) => ({ rule, file, group_id, rollout_id }));
}

async function findingsIn(groups: readonly GroupRows[], spec?: string): Promise<Brief[]> {
  return findingsOf((await writeDataset([groups], spec)).files);
}

/** The group with one rollout's rows changed. */
function withRollout(group: GroupRows, index: number, change: (rows: RolloutRows) => RolloutRows): GroupRows {
  return { ...group, rollouts: group.rollouts.map((rows, at) => (at === index ? change(rows) : rows)) };
}

function withTurn(index: number, turn: number, changes: Partial<TurnTableRow>): GroupRows {
  return withRollout(sound, index, ({ rollout, turns }) => ({
    rollout,
    turns: turns.map((row, at) => (at === turn ? { ...row, ...changes } : row)),
  }));
}

/** Row and turns alike, as if the exporter had computed it. */
function withShared(group: GroupRows, index: number, changes: Partial<RolloutTableRow & TurnTableRow>): GroupRows {
  const { advantage, reward } = changes;
  const shared = { ...(advantage === undefined ? {} : { advantage }), ...(reward === undefined ? {} : { reward }) };
  return withRollout(group, index, ({ rollout, turns }) => ({
    rollout: { ...rollout, ...shared },
    turns: turns.map((row) => ({ ...row, ...shared })),
  }));
}

const turnsFile = "turns-00000.parquet";
const rolloutsFile = "rollouts-00000.parquet";
const groupsFile = "groups-00000.parquet";

describe("a sound dataset", () => {
  it("has no findings: mixed, equal, partial groups, invalid rollouts, empty replies, turns without ids", async () => {
    expect(await findingsIn([sound, uniform, partial])).toEqual([]);
  });

  it("has none under any rule of advantages", async () => {
    for (const over of ["trajectory", "turn"] as const) {
      for (const std of ["n-1", "n", "none"] as const) {
        const outcomes = [
          { reward: 1e6, turns: 1 },
          { reward: 3, turns: 5 },
          { reward: -7.7, turns: 2 },
        ];
        const rows = groupRows(outcomes, { terms: { advantageSpec: { over, std, eps: 0 } } });
        expect(await findingsIn([rows], `grpo/${over}/std=${std}/eps=0`)).toEqual([]);
      }
    }
  });

  it("may have several sets, and none at all", async () => {
    expect(await findingsOf((await writeDataset([[sound], [uniform], [partial]])).files)).toEqual([]);
    expect(await findingsOf((await writeDataset([])).files)).toEqual([]);
  });

  it("is read set by set before there is a manifest", async () => {
    const { files, manifest } = await writeDataset([[sound], [uniform]]);
    const report = await validateSet({
      source: memorySource(files),
      codecs: zstdCodecs,
      spec: terms.advantageSpec,
      files: manifest.files.filter(({ path }) => path.includes("00001")),
    });
    expect(report).toEqual({ valid: true, findings: [], total: 0 });
  });

  it("keeps the rows of a broken capture, which is invalid for it", async () => {
    const rows = withRollout(sound, 4, ({ rollout, turns }) => ({
      rollout: { ...rollout, invalid_reason: "bad_capture" },
      turns: turns.map((turn) => ({ ...turn, response_logprobs: [-1] })),
    }));
    expect(await findingsIn([rows])).toEqual([]);
  });
});

describe("rule 1, lists that belong together", () => {
  const at = { rule: "rule_1", file: turnsFile, group_id: "grp_1", rollout_id: "run_1_0" };

  it.each<[string, Partial<TurnTableRow>]>([
    ["fewer log-probs than ids", { response_logprobs: [-1, -2] }],
    ["a log-prob above 0", { response_logprobs: Array.from({ length: 10 }, () => Math.fround(2e-6)) }],
    ["vLLM's -9999 for a missing one", { response_logprobs: Array.from({ length: 10 }, () => -9999) }],
    ["a log-prob that is not finite", { response_logprobs: Array.from({ length: 10 }, () => -Infinity) }],
    ["a log-prob that is no number", { response_logprobs: Array.from({ length: 10 }, () => Number.NaN) }],
    ["log-probs without ids", { response_token_ids: null }],
  ])("rejects %s", async (_, changes) => {
    expect(await findingsIn([withTurn(0, 0, changes)])).toEqual([at]);
  });

  it("rejects a mask of another length, whose weights no longer add up either", async () => {
    const rules = (await findingsIn([withTurn(0, 0, { response_mask: [1] })])).map(({ rule }) => rule);
    expect(rules).toEqual(["rule_1", "rule_4"]);
  });
});

describe("rule 2, turns in order", () => {
  const at = { rule: "rule_2", file: turnsFile, group_id: "grp_1", rollout_id: "run_1_3" };

  it("rejects a turn that is there twice", async () => {
    const rows = withTurn(3, 2, { turn_index: 1, is_last_turn: false });
    expect(await findingsIn([rows])).toEqual([at, at]);
  });

  it("rejects a missing turn", async () => {
    const rows = withRollout(sound, 4, ({ rollout }) => ({ rollout, turns: [] }));
    expect(await findingsIn([rows])).toEqual([
      { ...at, rollout_id: "run_1_4" },
      { ...at, rollout_id: "run_1_4" },
    ]);
  });

  it("rejects two last turns, and none", async () => {
    expect((await findingsIn([withTurn(3, 0, { is_last_turn: true })])).at(0)).toEqual(at);
    expect((await findingsIn([withTurn(3, 2, { is_last_turn: false })])).at(0)).toEqual(at);
  });

  it("rejects turns of a rollout that has no row", async () => {
    const rows = withTurn(4, 0, { rollout_id: "run_9" });
    const found = await findingsIn([rows]);
    expect(found).toContainEqual({ rule: "rule_2", file: turnsFile, group_id: "grp_1", rollout_id: "run_9" });
  });
});

describe("rule 3, one outcome for a rollout and advantages that sum to 0", () => {
  const at = { rule: "rule_3", file: turnsFile, group_id: "grp_1", rollout_id: "run_1_3" };
  const group = { rule: "rule_3", file: groupsFile, group_id: "grp_1", rollout_id: null };

  it.each<[string, Partial<TurnTableRow>]>([
    ["reward", { reward: 0.5 }],
    ["validity", { valid: false }],
    ["advantage", { advantage: 0.1 }],
    ["group", { group_id: "grp_0" }],
  ])("rejects a turn with another %s than its rollout", async (_, changes) => {
    expect(await findingsIn([withTurn(3, 1, changes)])).toEqual([at]);
  });

  it("rejects advantages whose sum is not 0", async () => {
    const found = await findingsIn([withShared(sound, 0, { advantage: 0.5 })]);
    expect(found).toEqual([group]);
  });

  it("notices a sum that is off by a millionth", async () => {
    const advantage = (sound.rollouts[0]?.rollout.advantage ?? 0) + 1e-6;
    expect(await findingsIn([withShared(sound, 0, { advantage })])).toEqual([group]);
  });

  it("sums over turns where the rule counts turns", async () => {
    expect(await findingsIn([sound], "grpo/turn/std=n-1/eps=1e-6")).toEqual([group]);
  });

  it("rejects equal rewards with an advantage that is nearly 0", async () => {
    const rows = withShared(uniform, 0, { advantage: 1e-17 });
    expect(await findingsIn([rows])).toEqual([{ ...group, group_id: "grp_2" }]);
  });

  it("rejects a valid rollout without an advantage, and an invalid one with one", async () => {
    const without = withShared(sound, 4, { advantage: 0.5 });
    expect(await findingsIn([without])).toContainEqual({ ...group, rollout_id: "run_1_4" });
    expect(await findingsIn([withShared(sound, 0, { advantage: null })])).toContainEqual({
      ...group,
      rollout_id: "run_1_0",
    });
  });

  it("rejects a group that miscounts its valid rollouts or its variance", async () => {
    const miscounted = { ...sound, group: { ...sound.group, size_valid: 3 } };
    expect(await findingsIn([miscounted])).toEqual([group]);
    const flat = { ...uniform, group: { ...uniform.group, zero_variance: false } };
    expect(await findingsIn([flat])).toEqual([{ ...group, group_id: "grp_2" }]);
  });
});

describe("rule 4, loss weights that add up", () => {
  it("rejects a weight that is off", async () => {
    const found = await findingsIn([withTurn(3, 0, { loss_weight: 0.0084 })]);
    expect(found).toEqual([{ rule: "rule_4", file: groupsFile, group_id: "grp_1", rollout_id: null }]);
  });

  it("rejects a weight where there should be none, and none where there should be one", async () => {
    const at = { rule: "rule_4", file: turnsFile, group_id: "grp_1" };
    expect(await findingsIn([withTurn(1, 0, { loss_weight: 0.1 })])).toEqual([{ ...at, rollout_id: "run_1_1" }]);
    expect(await findingsIn([withTurn(2, 0, { loss_weight: null })])).toEqual([{ ...at, rollout_id: "run_1_2" }]);
  });
});

describe("rule 5, nothing twice", () => {
  it("rejects a group in two sets of files", async () => {
    const { files } = await writeDataset([[sound], [sound]]);
    expect((await findingsOf(files)).filter(({ rule }) => rule === "rule_5")).toContainEqual({
      rule: "rule_5",
      file: "groups-00001.parquet",
      group_id: "grp_1",
      rollout_id: null,
    });
  });

  it("rejects a rollout in two groups", async () => {
    const copied = withRollout(uniform, 0, ({ rollout, turns }) => ({
      rollout: { ...rollout, rollout_id: "run_1_0" },
      turns: turns.map((turn) => ({ ...turn, rollout_id: "run_1_0" })),
    }));
    expect(await findingsIn([sound, copied])).toEqual([
      { rule: "rule_5", file: rolloutsFile, group_id: "grp_2", rollout_id: "run_1_0" },
    ]);
  });

  it("rejects rollouts whose group's row is in another set", async () => {
    const { manifest, files } = await writeDataset([[sound], [uniform]]);
    const moved = await replace(files, manifest.files, {
      [groupsFile]: await writeTable("groups", []),
      "groups-00001.parquet": await writeTable("groups", [sound.group, uniform.group]),
    });
    expect((await findingsOf(moved)).filter(({ file }) => file === rolloutsFile)[0]).toMatchObject({ rule: "rule_5" });
  });

  it("rejects groups out of order", async () => {
    expect(await findingsIn([uniform, sound])).toContainEqual({
      rule: "schema",
      file: groupsFile,
      group_id: "grp_1",
      rollout_id: null,
    });
  });
});

describe("rule 6, the files of the manifest", () => {
  const missing = { rule: "rule_6", group_id: null, rollout_id: null };

  it.each([turnsFile, rolloutsFile, groupsFile, "README.md"])("rejects a changed, cut or missing %s", async (file) => {
    const { files } = await writeDataset([[sound]]);
    const bytes = files.get(file) ?? new Uint8Array();
    const flipped = bytes.map((byte, index) => (index === 100 ? byte ^ 1 : byte));
    expect(await findingsOf(new Map([...files, [file, flipped]]))).toEqual([{ ...missing, file }]);
    expect(await findingsOf(new Map([...files, [file, bytes.subarray(1)]]))).toEqual([{ ...missing, file }]);
    expect(await findingsOf(new Map([...files].filter(([path]) => path !== file)))).toEqual([{ ...missing, file }]);
  });

  it("rejects another number of rows than the manifest's", async () => {
    const { files, manifest } = await writeDataset([[sound]]);
    const changed = await replace(files, manifest.files, { [groupsFile]: await writeTable("groups", []) }, 1);
    expect((await findingsOf(changed))[0]).toEqual({ ...missing, file: groupsFile });
  });
});

describe("what is no dataset", () => {
  it.each([
    ["no manifest", null],
    ["a manifest that is not JSON", "{"],
    ["a manifest of another shape", "{}"],
  ])("is rejected: %s", async (_, text) => {
    const files: Files = new Map(text === null ? [] : [["manifest.json", new TextEncoder().encode(text)]]);
    expect((await findingsOf(files))[0]).toMatchObject({ rule: "manifest", file: "manifest.json" });
  });

  it("is rejected when a manifest's file leads out of its folder", async () => {
    const { files, manifest } = await writeDataset([[sound]]);
    const outside = manifest.files.map((file) => ({ ...file, path: `../${file.path}` }));
    files.set("manifest.json", new TextEncoder().encode(JSON.stringify({ ...manifest, files: outside })));
    expect((await findingsOf(files))[0]).toMatchObject({ rule: "manifest" });
  });

  it("is rejected when its counts are not its files'", async () => {
    const { files, manifest } = await writeDataset([[sound]]);
    const counts = { ...manifest.counts, turns: 3 };
    files.set("manifest.json", new TextEncoder().encode(JSON.stringify({ ...manifest, counts })));
    expect(await findingsOf(files)).toEqual([
      { rule: "manifest", file: "manifest.json", group_id: null, rollout_id: null },
    ]);
  });

  it("is rejected when a file is another table, or no Parquet, under its right hash", async () => {
    const { files, manifest } = await writeDataset([[sound]]);
    const swapped = await replace(files, manifest.files, { [turnsFile]: await writeTable("groups", [sound.group]) });
    expect((await findingsOf(swapped)).at(-1)).toMatchObject({ rule: "schema", file: turnsFile });
    const junk = { bytes: new TextEncoder().encode("PAR1 and then nothing PAR1"), facts: { rows: 1 } };
    const broken = await replace(files, manifest.files, { [turnsFile]: junk });
    expect((await findingsOf(broken)).at(-1)).toMatchObject({ rule: "schema", file: turnsFile });
  });

  it("is rejected, and nothing throws, when any byte of a file is another under its right hash", async () => {
    const { files, manifest } = await writeDataset([[sound]]);
    const bytes = files.get(turnsFile) ?? new Uint8Array();
    for (let position = 4; position < bytes.length; position += 97) {
      const changed = bytes.map((byte, index) => (index === position ? byte ^ 0x55 : byte));
      const swapped = await replace(files, manifest.files, { [turnsFile]: { bytes: changed, facts: { rows: 10 } } });
      // Some bytes carry nothing that the rules read: what matters is that the walk ends.
      expect(Array.isArray(await findingsOf(swapped))).toBe(true);
    }
  });

  it("is no finding when the source itself fails: that is thrown", async () => {
    const { files } = await writeDataset([[sound]]);
    const source = memorySource(files);
    const failing = {
      open: async (path: string) => {
        const reader = await source.open(path);
        const read = async () => Promise.reject(new Error("the store is down"));
        return path === turnsFile && reader !== null ? { ...reader, read } : reader;
      },
    };
    await expect(validateDataset(failing, zstdCodecs)).rejects.toThrow("the store is down");
  });
});

describe("a dataset that breaks a rule everywhere", () => {
  it("has its first findings kept and all of them counted", async () => {
    const groups = Array.from({ length: 120 }, (_, index) => {
      const rows = groupRows(
        [
          { reward: 1, turns: 1 },
          { reward: 0, turns: 1 },
        ],
        { name: String(index).padStart(3, "0") },
      );
      return withShared(withShared(rows, 0, { advantage: 9 }), 1, { advantage: null });
    });
    const { files } = await writeDataset([groups]);
    const { findings, total } = await validateDataset(memorySource(files), zstdCodecs);
    expect(findings.length).toBe(200);
    expect(total).toBeGreaterThan(200);
  });
});

interface Written {
  readonly bytes: Uint8Array;
  readonly facts: { readonly rows: number };
}

/** Other files under the manifest's names, with hashes that are right; `extraRows` are claimed and not there. */
async function replace(
  files: Files,
  listed: readonly { path: string; bytes: number; sha256: string; rows: number | null }[],
  changes: Readonly<Record<string, Written>>,
  extraRows = 0,
): Promise<Files> {
  const replaced: Files = new Map(files);
  const manifest: unknown = JSON.parse(new TextDecoder().decode(files.get("manifest.json")));
  const entries = listed.map((file) => {
    const change = changes[file.path];
    if (change === undefined) {
      return file;
    }
    replaced.set(file.path, change.bytes);
    const hash = zstdCodecs.sha256();
    hash.update(change.bytes);
    return { ...file, bytes: change.bytes.length, sha256: hash.digest(), rows: change.facts.rows + extraRows };
  });
  const text = JSON.stringify({ ...Object(manifest), files: entries });
  replaced.set("manifest.json", new TextEncoder().encode(text));
  return replaced;
}
