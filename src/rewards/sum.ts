// The weighted sum of other rewards, not divided by the weights: parts of 0.8 and 0.2 give 0 to 1, a negative weight is
// a penalty. One part that cannot be scored makes the whole unscorable; it does not count as 0.
// The sum is that of TRL's `reward_weights`, which leaves such a part out instead.

import { err, ok, type Result } from "../lib/result.ts";
import type { Reward, RewardError } from "./reward.ts";

/** Components are the parts' own, before their weights, under `kind.name`; a second part of a kind is `kind_2`. */
export function sumReward<Part extends { readonly weight: number; readonly kind: string }>(
  parts: readonly Part[],
  score: (part: Part) => Result<Reward, RewardError>,
): Result<Reward, RewardError> {
  let value = 0;
  const components: Record<string, number> = {};
  const seen = new Map<string, number>();
  for (const [index, part] of parts.entries()) {
    const reward = score(part);
    if (!reward.ok) {
      return err({ ...reward.error, detail: `parts.${index}: ${reward.error.detail}` });
    }
    const count = (seen.get(part.kind) ?? 0) + 1;
    seen.set(part.kind, count);
    const name = count === 1 ? part.kind : `${part.kind}_${count}`;
    value += part.weight * reward.value.value;
    components[name] = reward.value.value;
    for (const [component, amount] of Object.entries(reward.value.components)) {
      if (component !== part.kind) {
        components[`${name}.${component}`] = amount;
      }
    }
  }
  return ok({ value, kind: "sum", components });
}
