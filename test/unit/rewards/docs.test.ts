// The specs in docs/rewards.md are accepted as they stand there.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { RewardSpec } from "../../../src/rewards/reward-spec.ts";

const page = readFileSync("docs/rewards.md", "utf8");
const snippets = [...page.matchAll(/```json\n([^]*?)\n```/g)].map((match): unknown => JSON.parse(match[1] ?? ""));
const Task = z.looseObject({ reference: z.looseObject({ reward: RewardSpec }) });

describe("docs/rewards.md", () => {
  it("shows specs that are accepted", () => {
    expect(snippets).toHaveLength(4);
    for (const snippet of snippets) {
      expect(z.union([Task, RewardSpec]).safeParse(snippet).success).toBe(true);
    }
  });

  it("lists every kind", () => {
    const pure = ["exact", "f1", "number", "math", "choice", "expression", "regex", "json_schema", "sum"];
    const kinds = [...pure, "judge", "webhook", "external"];
    expect([...page.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]).filter((name) => name !== "kind")).toEqual(
      kinds,
    );
  });
});
