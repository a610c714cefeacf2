// Reads one chunk of a streamed completion. It takes and refuses exactly what the schema `Completion` does, by hand:
// chunks come by the hundred in every reply, and the schema took an eighth of a run's processor time.

import type { Piece } from "./assembly.ts";

/** Null for what is not a chunk. */
export function readPiece(value: unknown): Piece | null {
  if (!isRecord(value)) {
    return null;
  }
  const { model, choices, prompt_token_ids } = value;
  if (!isMaybe(model, isString) || !isMaybe(choices, isChoices) || !isMaybe(prompt_token_ids, isIds)) {
    return null;
  }
  return {
    model,
    choices: choices?.map(withSoundLogprobs),
    // A count that cannot be read is as good as none; it costs no reply.
    usage: isUsage(value["usage"]) ? value["usage"] : null,
    prompt_token_ids,
  };
}

type Choice = NonNullable<Piece["choices"]>[number];
type Logprobs = NonNullable<Choice["logprobs"]>;
type Usage = NonNullable<Piece["usage"]>;
type Words = NonNullable<Choice["delta"]>;

type Guard<T> = (value: unknown) => value is T;

function isMaybe<T>(value: unknown, is: Guard<T>): value is T | null | undefined {
  return value === undefined || value === null || is(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isInt(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isInt);
}

function isWords(value: unknown): value is Words {
  return (
    isRecord(value) &&
    isMaybe(value["content"], isString) &&
    isMaybe(value["reasoning_content"], isString) &&
    isMaybe(value["reasoning"], isString)
  );
}

/** Log-probs are looked at apart: bad ones are left out, and the choice stays. */
function isChoice(value: unknown): value is Omit<Choice, "logprobs"> & { readonly logprobs?: unknown } {
  return (
    isRecord(value) &&
    isMaybe(value["index"], isInt) &&
    isMaybe(value["delta"], isWords) &&
    isMaybe(value["message"], isWords) &&
    isMaybe(value["finish_reason"], isString) &&
    isMaybe(value["token_ids"], isIds) &&
    isMaybe(value["response_token_ids"], isIds)
  );
}

function isChoices(value: unknown): value is (Omit<Choice, "logprobs"> & { readonly logprobs?: unknown })[] {
  return Array.isArray(value) && value.every(isChoice);
}

function withSoundLogprobs(choice: Omit<Choice, "logprobs"> & { readonly logprobs?: unknown }): Choice {
  const { logprobs, ...rest } = choice;
  return isLogprobs(logprobs) ? { ...rest, logprobs } : rest;
}

function isLogprobs(value: unknown): value is Logprobs {
  return isRecord(value) && isMaybe(value["content"], isLogprobList);
}

function isLogprobList(value: unknown): value is { readonly logprob: number }[] {
  return Array.isArray(value) && value.every((one) => isRecord(one) && Number.isFinite(one["logprob"]));
}

function isUsage(value: unknown): value is Usage {
  return isRecord(value) && isCount(value["prompt_tokens"]) && isCount(value["completion_tokens"]);
}

function isCount(value: unknown): value is number {
  return isInt(value) && value >= 0;
}
