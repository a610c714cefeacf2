// The base generator: one call of a language model that answers a sub-question from what it knows. It says which
// model that was, so that nobody mistakes a model's memory for a source.

import * as z from "zod";
import { err, ok } from "../../lib/result.ts";
import type { Tool } from "../tool.ts";

const Arguments = z.strictObject({
  query: z.string().min(1).max(20_000).describe("A question or task, complete in itself."),
});
type Arguments = z.infer<typeof Arguments>;

const system =
  "You carry out one step of a larger task. Answer what is asked, briefly and to the point; if you do not know, say so.";

/** As long as an engine's own limit for one call. */
const timeoutMs = 120_000;

export function createBaseGenerator(): Tool<Arguments> {
  return {
    name: "base_generator",
    description: "A language model that answers a question, explains, rewrites or reasons about text you give it.",
    limitations: [
      "Knows only what its model learned: no access to the web, files or live data.",
      "May state wrong facts with confidence and is unreliable at arithmetic.",
    ],
    bestPractices: [
      "Use it for general knowledge, for reasoning about given text and where no other tool fits.",
      "Ask one self-contained question; include every fact it needs.",
      "Check important facts and all numbers with another tool.",
    ],
    parameters: Arguments,
    timeoutMs,
    llmBacked: true,
    repeat: "safe",
    async run({ query }, context) {
      const asked = await context.chat([
        { role: "system", content: system },
        { role: "user", content: query },
      ]);
      return asked.ok
        ? ok({ result: asked.value.text.trim(), producedBy: asked.value.modelServed })
        : err({ code: asked.error.code, detail: asked.error.detail, producedBy: "base_generator" });
    },
  };
}
