// The manifest, the card and the id: functions of claim and rows, which add up over sets of files.

import { describe, expect, it } from "vitest";
import { toCard } from "../../../src/training/dataset/card.ts";
import { zstdCodecs } from "../../../src/training/dataset/codecs.ts";
import { createClaimHasher } from "../../../src/training/dataset/dataset-id.ts";
import { filePath, isSetFull } from "../../../src/training/dataset/file-plan.ts";
import { Manifest, manifestText } from "../../../src/training/dataset/manifest.ts";
import { addStats, emptyStats, SetStats, statsOf } from "../../../src/training/dataset/set-stats.ts";
import { isId } from "../../../src/lib/ids.ts";
import { groupRows } from "../../support/dataset-rows.ts";
import { writeDataset } from "../../support/memory-dataset.ts";

const mixed = groupRows(
  [
    { reward: 1, turns: 1 },
    { reward: 0, turns: 3, tokens: null },
    { reward: null, turns: 2, invalid: "engine_failed" },
  ],
  { name: "1" },
);
const equal = groupRows(
  [
    { reward: 1, turns: 1 },
    { reward: 1, turns: 1 },
  ],
  { name: "2", group: { policy_version: "planner-6", policy_step: 6 } },
);

describe("the manifest", () => {
  it("counts rows, reasons and sizes", async () => {
    const { manifest } = await writeDataset([[mixed, equal]]);
    expect(manifest).toMatchObject({
      schema_version: 1,
      created_at: "2026-11-22T10:15:00.000Z",
      advantage_spec: "grpo/trajectory/std=n-1/eps=1e-6",
      loss_weight_spec: "eq5",
      claimed_at_policy_step: 7,
      counts: { groups: 2, rollouts: 5, turns: 8, invalid: { engine_failed: 1 }, quarantined: 0, erased: 0 },
      group_sizes: { "2": 2 },
      num_turns: { "1": 3, "2": 1, "3": 1 },
      zero_variance_fraction: 0.5,
      token_source: { engine: 5, none: 3 },
      logprob_coverage: 5 / 8,
      policy_versions: [
        { version: "planner-6", step: 6, groups: 1 },
        { version: "planner-7", step: 7, groups: 1 },
      ],
      reward_kinds: { exact: 5 },
      tools: { python_coder: 8 },
      pass_at: 1,
    });
    expect(manifest.sampling.temperature).toEqual({ min: 0.7, max: 0.7, not_sent: 0 });
    expect(manifest.files.map(({ path, table, rows }) => [path, table, rows])).toEqual([
      ["turns-00000.parquet", "turns", 8],
      ["rollouts-00000.parquet", "rollouts", 5],
      ["groups-00000.parquet", "groups", 2],
      ["README.md", null, null],
    ]);
  });

  it("is the same whether its groups lie in one set or in two", async () => {
    const { files: one, ...rest } = (await writeDataset([[mixed, equal]])).manifest;
    const { files: two, ...others } = (await writeDataset([[mixed], [equal]])).manifest;
    expect(others).toEqual(rest);
    expect([one.length, two.length]).toEqual([4, 7]);
  });

  it("is text that its schema reads back", async () => {
    const { manifest } = await writeDataset([[mixed]]);
    expect(Manifest.parse(JSON.parse(manifestText(manifest)))).toEqual(manifest);
    expect(manifestText(manifest)).toBe(manifestText({ ...manifest }));
  });

  it("has null where a share is of nothing", async () => {
    const { manifest } = await writeDataset([]);
    expect(manifest).toMatchObject({ zero_variance_fraction: null, logprob_coverage: null, counts: { groups: 0 } });
  });

  it("does not count names that the model made up as tools", () => {
    const [first, ...rest] = equal.rollouts;
    const turns = first?.turns.map((turn) => ({ ...turn, tool_name: "__proto__", tool_status: "ok" as const })) ?? [];
    const unknown = turns.map((turn) => ({ ...turn, tool_name: "magic", tool_status: "unknown_tool" as const }));
    const rows = {
      ...equal,
      rollouts: first === undefined ? [] : [{ ...first, turns: [...turns, ...unknown] }, ...rest],
    };
    expect(Object.entries(statsOf(rows).tools)).toEqual([
      ["__proto__", 1],
      ["python_coder", 1],
    ]);
  });
});

describe("statistics of sets", () => {
  it("add up in any order, and the empty ones add nothing", () => {
    const [a, b] = [statsOf(mixed), statsOf(equal)];
    expect(addStats(a, b)).toEqual(addStats(b, a));
    expect(addStats(a, emptyStats())).toEqual(a);
    expect(SetStats.parse(JSON.parse(JSON.stringify(a)))).toEqual(a);
  });
});

describe("the card", () => {
  it("tells Hugging Face's datasets where the three tables are, and people what is in them", async () => {
    const { manifest } = await writeDataset([[mixed, equal]]);
    expect(toCard({ ...manifest, dataset_id: "ds_0" })).toMatchSnapshot();
  });

  it("does not depend on its own entry in the manifest", async () => {
    const { manifest } = await writeDataset([[mixed]]);
    const before = { ...manifest, files: manifest.files.filter(({ table }) => table !== null) };
    expect(toCard(before)).toBe(toCard(manifest));
  });

  it("keeps names of callers inside their cells", async () => {
    const { manifest } = await writeDataset([[mixed]]);
    const card = toCard({ ...manifest, policy_versions: [{ version: "v`1 |\n# x", step: 1, groups: 1 }] });
    expect(card).toContain("| policies | `v 1   # x` (step 1) |");
  });
});

describe("a dataset's id", () => {
  const rollouts = [
    { run_id: "run_1", record_sha256: "aa", reward: 1 },
    { run_id: "run_2", record_sha256: null, reward: null },
  ];
  function idOf(spec: string, frozen: typeof rollouts): string {
    const hasher = createClaimHasher(spec, zstdCodecs);
    for (const rollout of frozen) {
      hasher.add(rollout);
    }
    return hasher.identity().dataset_id;
  }

  it("is a hash of the claim and changes with each part of it", () => {
    const id = idOf("grpo/turn/std=n/eps=0", rollouts);
    expect(isId("ds", id)).toBe(true);
    expect(idOf("grpo/turn/std=n/eps=0", rollouts)).toBe(id);
    const others = [
      idOf("grpo/turn/std=n/eps=1e-6", rollouts),
      idOf("grpo/turn/std=n/eps=0", rollouts.toReversed()),
      idOf("grpo/turn/std=n/eps=0", rollouts.slice(1)),
      idOf("grpo/turn/std=n/eps=0", [{ run_id: "run_1", record_sha256: "aa", reward: 0.5 }, ...rollouts.slice(1)]),
      idOf("grpo/turn/std=n/eps=0", [{ run_id: "run_1", record_sha256: "ab", reward: 1 }, ...rollouts.slice(1)]),
    ];
    expect(new Set([id, ...others]).size).toBe(6);
  });
});

describe("a set of files", () => {
  it("is full at 50,000 turn rows or 256 MB raw, and never before", () => {
    expect(isSetFull({ turnRows: 49_999, rawBytes: 255_999_999 })).toBe(false);
    expect(isSetFull({ turnRows: 50_000, rawBytes: 0 })).toBe(true);
    expect(isSetFull({ turnRows: 1, rawBytes: 256_000_000 })).toBe(true);
  });

  it("has numbered names", () => {
    expect(filePath("turns", 12)).toBe("turns-00012.parquet");
  });
});
