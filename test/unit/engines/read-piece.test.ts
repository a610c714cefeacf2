// The hand-written reader of a stream's chunks and the schema of a whole completion: whatever a server sends, both
// take it or both refuse it, and what they take comes to the same reply.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Completion, createAssembly, type Piece } from "../../../src/engines/hosted/assembly.ts";
import { readPiece } from "../../../src/engines/hosted/read-piece.ts";

/** What a reply is after this piece, or null for a piece that was refused. */
function replyOf(piece: Piece | null) {
  if (piece === null) {
    return null;
  }
  const assembly = createAssembly();
  const said = assembly.add(piece);
  const { text, reasoning, bytes, started, finishReason, model } = assembly;
  const tokens = assembly.tokens("unknown");
  return { said, text, reasoning, bytes, started, finishReason, model, usage: assembly.usage(() => 40), tokens };
}

/** Mostly what is expected, now and then anything else that JSON can hold (a number too large for it included). */
function odd(usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const other = fc.oneof(
    fc.constantFrom(undefined, null, "", "a", -1, 1.5, 2 ** 53, Infinity, true, [], {}),
    fc.jsonValue(),
  );
  return fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: other });
}

const maybe = (value: fc.Arbitrary<unknown>) => odd(fc.option(value, { nil: undefined }));
const ids = maybe(fc.array(odd(fc.nat()), { maxLength: 3 }));
const words = maybe(
  fc.record({ content: maybe(fc.string()), reasoning_content: maybe(fc.string()), reasoning: maybe(fc.string()) }),
);
const logprob = odd(fc.record({ logprob: odd(fc.double({ max: 0, noNaN: true })), token: fc.string() }));
const choice = fc.record({
  index: maybe(fc.constantFrom(0, 0, 0, 1)),
  delta: words,
  message: words,
  finish_reason: maybe(fc.constantFrom("stop", "length")),
  token_ids: ids,
  response_token_ids: ids,
  logprobs: maybe(fc.record({ content: maybe(fc.array(logprob, { maxLength: 3 })) })),
});
const chunk = odd(
  fc.record({
    id: fc.string(),
    model: maybe(fc.string()),
    choices: maybe(fc.array(odd(choice), { maxLength: 2 })),
    usage: maybe(fc.record({ prompt_tokens: odd(fc.nat()), completion_tokens: odd(fc.nat({ max: 3 })) })),
    prompt_token_ids: ids,
  }),
);

test("reader and schema agree on any chunk", () => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(chunk, (value) => {
      const read = readPiece(value);
      seen[read === null ? "refused" : "taken"] += 1;
      expect(replyOf(read)).toEqual(replyOf(Completion.safeParse(value).data ?? null));
    }),
    { numRuns: 2_000 },
  );
  // A generator that made only one kind would prove nothing. Of 200,000 chunks 45 % were taken, so that 200 of 2,000
  // are missed by chance once in e^585 runs.
  expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(200);
});

test("log-probs that are not numbers cost the log-probs, not the ids", () => {
  const choices = [{ delta: { content: "a" }, token_ids: [1], logprobs: { content: [{ logprob: "-1" }] } }];
  const value = { choices, prompt_token_ids: [7], usage: { prompt_tokens: 1, completion_tokens: 1 } };
  expect(replyOf(readPiece(value))?.tokens).toMatchObject({ response_token_ids: [1], response_logprobs: null });
});
