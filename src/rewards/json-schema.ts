// 1 where the final answer is JSON that fits the schema, bare or in one code fence. It repairs nothing: a reward for
// well-formed output must not pay for what is not. Gold answers are not looked at; put them into `const` or `enum`.
// What fits is as JSON Schema says, draft 2020-12; that the fit is worth 1 is our own rule.

import { err, ok, type Result } from "../lib/result.ts";
import { finalAnswer } from "./final-answer.ts";
import { hitOrMiss, type Outcome, type Reward, type RewardError } from "./reward.ts";
import type { JsonSchemaReward } from "./reward-spec.ts";
import { readSchema } from "./schema/read-schema.ts";
import { fitsSchema } from "./schema/validate.ts";

export function jsonSchemaReward(spec: JsonSchemaReward, { answer }: Outcome): Result<Reward, RewardError> {
  const schema = readSchema(spec.schema);
  if (!schema.ok) {
    return err({ code: "bad_spec", detail: schema.error });
  }
  const json = parseJson(withoutFence(finalAnswer(answer)));
  return ok(hitOrMiss("json_schema", json !== null && fitsSchema(schema.value, json.value)));
}

function withoutFence(text: string): string {
  const [, inside] = /^```(?:json)?[ \t]*\r?\n([^]*)\n[ \t]*```$/i.exec(text) ?? [];
  return inside ?? text;
}

function parseJson(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}
