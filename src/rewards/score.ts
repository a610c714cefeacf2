// From a reward spec and what a run ended with to its reward. Pure and bounded: the same outcome gives the same
// reward, no answer makes it throw, and a wrong answer is a 0, never an error.

import type { Result } from "../lib/result.ts";
import { unreachable } from "../lib/unreachable.ts";
import { choiceReward } from "./choice.ts";
import { exactReward } from "./exact.ts";
import { expressionReward } from "./expression.ts";
import { f1Reward } from "./f1.ts";
import { jsonSchemaReward } from "./json-schema.ts";
import { mathReward } from "./math.ts";
import { numberReward } from "./number.ts";
import { regexReward } from "./regex.ts";
import type { Outcome, Reward, RewardError } from "./reward.ts";
import type { PureRewardSpec } from "./reward-spec.ts";
import { sumReward } from "./sum.ts";

/** `spec` has passed `PureRewardSpec`. An error says that the task cannot be scored, whatever the answer. */
export function scoreAnswer(spec: PureRewardSpec, outcome: Outcome): Result<Reward, RewardError> {
  switch (spec.kind) {
    case "exact":
      return exactReward(outcome);
    case "f1":
      return f1Reward(outcome);
    case "number":
      return numberReward(spec, outcome);
    case "math":
      return mathReward(outcome);
    case "choice":
      return choiceReward(spec, outcome);
    case "expression":
      return expressionReward(spec, outcome);
    case "regex":
      return regexReward(spec, outcome);
    case "json_schema":
      return jsonSchemaReward(spec, outcome);
    case "sum":
      return sumReward(spec.parts, (part) => scoreAnswer(part, outcome));
    default:
      return unreachable(spec);
  }
}
