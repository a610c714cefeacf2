// What the validator has to say: which rule of the contract is broken, in which file, by whom. A broken dataset may
// break a rule in every row, so that only the first findings are kept and the rest is counted.

import * as z from "zod";

/** `manifest`: it cannot be read; `schema`: a file is not the table that it should be; the others are DATASET's. */
export const Rule = z.enum(["manifest", "schema", "rule_1", "rule_2", "rule_3", "rule_4", "rule_5", "rule_6"]);
export type Rule = z.infer<typeof Rule>;

export const Finding = z.strictObject({
  rule: Rule,
  file: z.string(),
  group_id: z.string().nullable(),
  rollout_id: z.string().nullable(),
  detail: z.string(),
});
export type Finding = z.infer<typeof Finding>;

const maxKept = 200;

export class Findings {
  readonly kept: Finding[] = [];
  total = 0;

  add(rule: Rule, file: string, detail: string, ids: { group_id?: string; rollout_id?: string } = {}): void {
    this.total += 1;
    if (this.kept.length < maxKept) {
      this.kept.push({ rule, file, group_id: ids.group_id ?? null, rollout_id: ids.rollout_id ?? null, detail });
    }
  }
}
