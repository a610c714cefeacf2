// README.md of a dataset: its card, for people and for the Hugging Face hub, whose `datasets` reads the three tables as
// three configurations from the block at its head. It is a function of the manifest and adds nothing to it.

import type { Manifest } from "./manifest.ts";
import type { Histogram } from "./set-stats.ts";

export const cardPath = "README.md";

/** The card's own entry among the manifest's files has no part in it. */
export function toCard(manifest: Manifest): string {
  return [head(), title(manifest), contents(manifest), numbers(manifest), reading(), rules(manifest), ""].join("\n\n");
}

function head(): string {
  const config = (name: string, rest: readonly string[] = []) => [
    `- config_name: ${name}`,
    `  data_files: ${name}-*.parquet`,
    ...rest,
  ];
  return [
    "---",
    "pretty_name: Flow-GRPO rollouts",
    "task_categories:",
    "- reinforcement-learning",
    "configs:",
    ...config("turns", ["  default: true"]),
    ...config("rollouts"),
    ...config("groups"),
    "---",
  ].join("\n");
}

function title({ dataset_id, created_at, exporter, trigger, schema_version }: Manifest): string {
  return [
    `# Flow-GRPO dataset ${dataset_id}`,
    `Rollouts of AgentFlow's planner, claimed at ${created_at} (${trigger}) and written by ${exporter.name} ` +
      `${exporter.version} in version ${schema_version} of the dataset's contract. \`manifest.json\` has the hash of every file.`,
  ].join("\n\n");
}

function contents({ counts }: Manifest): string {
  return table(
    ["table", "one row per", "rows"],
    [
      ["turns", "planner turn", String(counts.turns)],
      ["rollouts", "rollout, invalid ones too", String(counts.rollouts)],
      ["groups", "group of rollouts of one task", String(counts.groups)],
    ],
  );
}

function numbers(manifest: Manifest): string {
  const { counts } = manifest;
  return table(
    ["", ""],
    [
      ["policies", manifest.policy_versions.map(({ version, step }) => `${code(version)} (step ${step})`).join(", ")],
      ["active step at the claim", String(manifest.claimed_at_policy_step)],
      ["valid rollouts by group", list(manifest.group_sizes)],
      ["turns by rollout", list(manifest.num_turns)],
      ["rewards", list(manifest.reward_kinds)],
      ["tools", list(manifest.tools)],
      ["groups whose rewards are all equal", percent(manifest.zero_variance_fraction)],
      ["turns with token ids", list(manifest.token_source)],
      ["turns with log-probs", percent(manifest.logprob_coverage)],
      ["invalid rollouts", list(counts.invalid)],
      ["groups set aside", `${counts.quarantined} broke a rule, ${counts.erased} were erased`],
    ],
  );
}

function reading(): string {
  return [
    "## Reading it",
    [
      "```python",
      "from datasets import load_dataset",
      "",
      'turns = load_dataset(".", "turns", split="train")  # in the dataset\'s folder',
      "```",
    ].join("\n"),
    [
      "```sql",
      "SELECT group_id, reward_mean, pass_rate FROM 'groups-*.parquet' WHERE NOT zero_variance; -- DuckDB",
      "```",
    ].join("\n"),
  ].join("\n\n");
}

function rules({ advantage_spec, pass_at }: Manifest): string {
  return [
    "## Derived numbers",
    `\`advantage\` follows \`${advantage_spec}\`; \`loss_weight\` is 1/(G T |a|) per token, the paper's Eq. 5. Both are ` +
      `null for invalid rollouts and for groups without advantages. \`pass_rate\` counts rewards of at least ${pass_at}. ` +
      "Everything else is as it was sampled.",
  ].join("\n\n");
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(headings), line(headings.map(() => "---")), ...rows.map(line)].join("\n");
}

function list(histogram: Histogram): string {
  const entries = Object.entries(histogram);
  return entries.length === 0 ? "none" : entries.map(([name, count]) => `${code(name)}: ${count}`).join(", ");
}

function percent(fraction: number | null): string {
  return fraction === null ? "none" : `${(fraction * 100).toFixed(1)} %`;
}

/** Names come from callers and servers: none of them may end a cell or begin markup. */
function code(name: string): string {
  return `\`${name.replaceAll(/[`|\r\n]/g, " ").slice(0, 80)}\``;
}
