// Every way a model server is known to misbehave, role by role, and how the run must end (DESIGN sections 3 and 4).

import type { RunObject } from "../../../src/agent/run-object.ts";
import type { Fault, Reply } from "../../support/mock-openai.ts";

export const answer = "The answer is 42.";

export interface Case {
  readonly role: string;
  readonly fault: Reply;
  /** How many calls of the role meet it; the next ones get an ordinary reply. */
  readonly times?: number;
  readonly max_turns?: number;
  readonly ends: {
    readonly status: RunObject["status"];
    readonly code?: string;
    readonly reason?: string;
    readonly answer?: string | null;
    /** Reasons of `step.retried`, one after the other. */
    readonly retried?: readonly string[];
    /** Status of each turn's tool step. */
    readonly turns?: readonly (string | null)[];
  };
}

const completed = { status: "completed", answer } as const;
const failed = (code: string) => ({ status: "failed", code, answer: null }) as const;
const incomplete = (reason: string) => ({ status: "incomplete", reason, answer }) as const;
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

const rateLimited: Fault = { fault: "rate_limited", retryAfterMs: 10 };
const models = ["analyzer", "planner", "executor", "verifier", "generator"];

/** Faults that pass: the call is repeated, each retry is in the log, and the run completes. */
const passing: [Fault, string][] = [
  [{ fault: "rate_limited", retryAfter: 1 }, "rate_limited"],
  [{ fault: "server_error" }, "server_error"],
  [{ fault: "reset" }, "connection_failed"],
  [{ fault: "reset_mid_stream" }, "stream_interrupted"],
  [{ fault: "eof_mid_stream" }, "stream_interrupted"],
  [{ fault: "error_in_stream" }, "server_error"],
];

/** Faults that stay: four tries where a try may help, one where it may not. */
const lasting: [Fault, string, number][] = [
  [rateLimited, "rate_limited", 3],
  [{ fault: "rate_limited", retryAfter: 3600 }, "rate_limited", 0],
  [{ fault: "server_error" }, "server_error", 3],
  [{ fault: "reset_mid_stream" }, "stream_interrupted", 3],
  [{ fault: "endless" }, "reply_too_large", 0],
  [{ fault: "unauthorized" }, "engine_auth", 0],
  [{ fault: "model_not_found" }, "model_not_found", 0],
  [{ fault: "not_json" }, "bad_reply", 0],
];

export const cases: readonly Case[] = [
  ...models.flatMap((role) =>
    passing.map(([fault, code]): Case => ({ role, fault, times: 1, ends: { ...completed, retried: [code] } })),
  ),
  ...["planner", "verifier", "generator"].flatMap((role) =>
    lasting.map(([fault, code, retries]): Case => ({
      role,
      fault,
      ends: { ...failed(code), retried: times(retries, code) },
    })),
  ),
  // The prompt is too long: the loop ends, and the generator works with what there is.
  ...["analyzer", "planner", "executor", "verifier"].map((role): Case => ({
    role,
    fault: { fault: "context_limit" },
    ends: { ...incomplete("context_limit"), retried: [] },
  })),
  { role: "generator", fault: { fault: "context_limit" }, ends: failed("context_limit") },
  // The planner's reply is the policy's turn, whatever it is: it is never sampled again.
  ...(["empty", "prose", "truncated_json"] as const).map((fault): Case => ({
    role: "planner",
    fault: { fault },
    max_turns: 2,
    ends: { ...incomplete("max_turns"), retried: [], turns: ["unparsed", "unparsed"] },
  })),
  {
    role: "planner",
    fault: { fault: "wrong_tool" },
    times: 1,
    ends: { ...completed, retried: [], turns: ["unknown_tool", "ok"] },
  },
  // A frozen module is asked once more, with what was wrong.
  ...["analyzer", "executor", "verifier"].flatMap((role) =>
    (["prose", "truncated_json"] as const).map((fault): Case => ({
      role,
      fault: { fault },
      times: 1,
      ends: { ...completed, retried: ["malformed_reply"] },
    })),
  ),
  { role: "analyzer", fault: { fault: "prose" }, ends: { ...completed, retried: ["malformed_reply"] } },
  {
    role: "executor",
    fault: { fault: "prose" },
    max_turns: 2,
    ends: { ...incomplete("max_turns"), retried: times(2, "malformed_reply"), turns: ["error", "error"] },
  },
  // A verdict that cannot be read never stops a run.
  {
    role: "verifier",
    fault: { fault: "truncated_json" },
    max_turns: 2,
    ends: { ...incomplete("max_turns"), retried: times(2, "malformed_reply"), turns: ["ok", "ok"] },
  },
  // A frozen module that stays silent has said nothing that can be read, and no more than that.
  { role: "analyzer", fault: { fault: "empty" }, ends: { ...completed, retried: times(3, "empty_reply") } },
  ...[
    ["executor", "error"],
    ["verifier", "ok"],
  ].map(([role = "", turn = ""]): Case => ({
    role,
    fault: { fault: "empty" },
    max_turns: 1,
    ends: { ...incomplete("max_turns"), retried: times(3, "empty_reply"), turns: [turn] },
  })),
  { role: "generator", fault: { fault: "empty" }, ends: failed("empty_reply") },
  {
    role: "generator",
    fault: "Words, for that is what an answer is.",
    ends: { ...completed, answer: "Words, for that is what an answer is." },
  },
  // A tool's model that fails is a failed tool call and not a failed run.
  ...(["server_error", "unauthorized", "not_json"] as const).map((fault): Case => ({
    role: "tool",
    fault: { fault },
    ends: { ...completed, turns: ["error"] },
  })),
];

/** Servers that say nothing, or stop in mid-sentence. They need a short timeout, the others a long one. */
export const hangingCases: readonly Case[] = ["planner", "verifier", "generator"].flatMap((role) =>
  (["hang", "hang_mid_stream"] as const).map((fault): Case => ({
    role,
    fault: { fault },
    ends: failed("engine_timeout"),
  })),
);

export function nameOf({ role, fault, times: count }: Case, index: number): string {
  const what = typeof fault === "object" && "fault" in fault ? Object.values(fault).join(" ") : "words";
  return `${role}: ${what}${count === undefined ? "" : `, ${count} time`} [${index}]`;
}
