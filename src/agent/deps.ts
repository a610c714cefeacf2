// What the agent needs from outside, in one object: engine, tools, clock, randomness, the log and the live feed.

import type { Clock } from "../engines/clock.ts";
import type { Engine, PolicyEndpoint } from "../engines/engine.ts";
import type { ResultCache } from "../tools/result-cache.ts";
import type { Tool } from "../tools/tool.ts";
import type { NewEvent } from "./events.ts";
import type { EarlierAnswer, Reference } from "./run-spec.ts";
import type { RunState } from "./run-state.ts";

/** The durable log of one run. */
export interface RunLog {
  readonly state: RunState;
  /** Commits the events in one transaction. `ended`: a terminal event stood there first, and nothing was written. */
  append(events: readonly NewEvent[], activeMs: number): Promise<"appended" | "ended">;
}

/** A piece of text that streams from a model; never stored. */
export interface Delta {
  readonly type: "plan.delta" | "answer.delta";
  readonly turn: number | null;
  /** `direct`, `final` or `base` for an answer. */
  readonly output: string | null;
  readonly text: string;
}

export interface AgentDeps {
  readonly tenant: string;
  readonly engine: Engine;
  /** The run's tools, in the order of the catalogue. */
  readonly tools: readonly Tool[];
  /** Results of earlier calls; absent = every call is made. */
  readonly results?: ResultCache;
  /** What this session answered before, oldest first. */
  readonly history: readonly EarlierAnswer[];
  /** What the answer is scored against; no model sees it. */
  readonly reference: Reference | null;
  /** Where the planner's version is served; absent = the configured endpoint. */
  readonly policy?: PolicyEndpoint;
  /** The version that is served there, for each turn to record; absent = the one that the run was created with. */
  readonly policyVersion?: string;
  readonly clock: Clock;
  /** Uniform in [0, 1), for the jitter of retries. */
  readonly random: () => number;
  readonly log: RunLog;
  readonly onDelta: (delta: Delta) => void;
  /** Aborted by cancel and by the alarm that takes a silent loop away. */
  readonly signal: AbortSignal;
  /** Time with a loop alive in earlier incarnations, from the log. */
  readonly activeMs: number;
}
