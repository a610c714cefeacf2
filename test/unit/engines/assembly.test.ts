// Which ids and log-probs are believed: all of them or none. A row with one token missing would train on a
// probability that was never sampled.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Completion, createAssembly } from "../../../src/engines/hosted/assembly.ts";

interface Token {
  readonly text: string;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
}

const token = (text: string, id: number, logprob = -0.25): Token => ({ text, ids: [id], logprobs: [logprob] });

function assembled(
  tokens: readonly Token[],
  completionTokens: number | null,
  promptIds: readonly number[] | null = [7, 8],
) {
  const assembly = createAssembly();
  const add = (piece: unknown) => assembly.add(Completion.parse(piece));
  add({ choices: [{ index: 0, delta: { role: "assistant", content: "" } }], prompt_token_ids: promptIds });
  for (const { text, ids, logprobs } of tokens) {
    const content = logprobs.map((logprob) => ({ logprob }));
    add({ choices: [{ index: 0, delta: { content: text }, token_ids: ids, logprobs: { content } }] });
  }
  if (completionTokens !== null) {
    add({ choices: [], usage: { prompt_tokens: 2, completion_tokens: completionTokens } });
  }
  return assembly.tokens("processed");
}

const two = [token("a", 1), token("b", 2)];

test("ids and log-probs that agree with the server's count are taken as they are", () => {
  const expected = {
    prompt_token_ids: [7, 8],
    response_token_ids: [1, 2],
    response_logprobs: [-0.25, -0.25],
    logprobs_mode: "processed",
  };
  expect(assembled(two, 2)).toEqual(expected);
  expect(assembled(two, null)).toEqual(expected);
});

test("several ids in one piece, as speculative decoding sends them, and pieces without text", () => {
  const tokens = [{ text: "a b", ids: [1, 2], logprobs: [-1, -2] }, token("", 9, 0)];
  expect(assembled(tokens, 3)).toMatchObject({ response_token_ids: [1, 2, 9], response_logprobs: [-1, -2, 0] });
});

test("an id too few or too many against the server's count: none", () => {
  expect(assembled(two, 3)).toBeNull();
  expect(assembled(two, 1)).toBeNull();
});

test("words without an id, where nothing was counted: none", () => {
  expect(assembled([token("a", 1), { text: "b", ids: [], logprobs: [] }], null)).toBeNull();
});

test("no prompt ids: none", () => {
  expect(assembled(two, 2, null)).toBeNull();
  expect(assembled(two, 2, [])).toBeNull();
});

test("a log-prob too few: ids, and null log-probs", () => {
  const tokens = [token("a", 1), { text: "b", ids: [2], logprobs: [] }];
  expect(assembled(tokens, 2)).toMatchObject({ response_token_ids: [1, 2], response_logprobs: null });
});

test("only the first choice counts", () => {
  const assembly = createAssembly();
  const choices = [
    { index: 1, delta: { content: "other" } },
    { index: 0, delta: { content: "mine" } },
  ];
  expect(assembly.add(Completion.parse({ choices }))).toBe("mine");
});

test("however a reply is cut into pieces, the same ids, log-probs and text come out", () => {
  const anyToken = fc.record({ text: fc.string(), ids: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }) });
  fc.assert(
    fc.property(fc.array(anyToken), (parts) => {
      const tokens = parts.map((part) => ({ ...part, logprobs: part.ids.map((id) => -id) }));
      const ids = tokens.flatMap((one) => one.ids);
      expect(assembled(tokens, ids.length)).toMatchObject({
        response_token_ids: ids,
        response_logprobs: ids.map((id) => -id),
      });
    }),
  );
});
