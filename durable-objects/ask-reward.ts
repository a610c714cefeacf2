// The question to a judge or a webhook for a run's late reward. What it says is kept in the outbox before it goes
// anywhere, so that nobody is asked twice because a store was down. After the last try it has failed, which is a
// row without a value and never a 0.

import type { Clock } from "../src/engines/clock.ts";
import { answerOf, owedReward } from "../src/agent/reward-run.ts";
import type { LateReward } from "../src/agent/run-object.ts";
import type { RunState } from "../src/agent/run-state.ts";
import type { Result } from "../src/lib/result.ts";
import type { LateFault, LateVerdict } from "../src/rewards/late-reward.ts";
import type { JudgeReward, WebhookReward } from "../src/rewards/late-reward-spec.ts";
import { UnreadableLogError } from "./event-table.ts";
import type { OutboxRow, RowOutcome } from "./outbox-table.ts";
import type { SessionStore } from "./session-store.ts";
import { within } from "./within.ts";

export interface RewardQuestion {
  readonly spec: JudgeReward | WebhookReward;
  readonly state: RunState;
  readonly answer: string;
  readonly answers: readonly string[];
}

export interface RewardAsks {
  readonly store: SessionStore;
  readonly ask: (question: RewardQuestion, signal: AbortSignal) => Promise<Result<LateVerdict, LateFault>>;
  /** The longest that one try may take. */
  readonly maxAskMs: number;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly warn: (message: string, error: unknown) => void;
}

const maxTries = 5;
/** Servers that judge are busy rather than gone: 5, 10, 20, 40 s, unless they say otherwise. */
const baseWaitMs = 5000;

export async function askReward(deps: RewardAsks, row: OutboxRow, signal: AbortSignal): Promise<RowOutcome> {
  const question = readQuestion(deps.store, row.ordinal);
  if (question === null) {
    return { kind: "delivered", next: [] };
  }
  const asked = await tryAsk(deps, question, signal);
  if (!asked.ok && asked.error.isRetryable && row.attempts + 1 < maxTries) {
    const { code, detail, retryAfterMs } = asked.error;
    const minWaitMs = Math.max(retryAfterMs ?? 0, baseWaitMs * 2 ** row.attempts);
    return { kind: "later", minWaitMs, detail: `${code}: ${detail}` };
  }
  const reward = toLateReward(question.spec.kind, asked, new Date(deps.clock.now()).toISOString());
  return { kind: "delivered", next: [{ kind: "reward", payload: JSON.stringify(reward) }] };
}

/** Null too for a log that cannot be read: no retry would help. */
function readQuestion(store: SessionStore, ordinal: number): RewardQuestion | null {
  try {
    return questionOf(store, ordinal);
  } catch (error) {
    if (error instanceof UnreadableLogError) {
      return null;
    }
    throw error;
  }
}

function questionOf(store: SessionStore, ordinal: number): RewardQuestion | null {
  const state = store.readState(ordinal);
  const reference = store.events.reference(ordinal);
  const spec = state === null ? null : owedReward(state, reference);
  const answer = state === null ? null : answerOf(state);
  return state === null || spec === null || spec.kind === "external" || answer === null
    ? null
    : { spec, state, answer, answers: reference?.answers ?? [] };
}

/** Whatever goes wrong counts as a try: a question that always breaks something must come to an end too. */
async function tryAsk(
  deps: RewardAsks,
  question: RewardQuestion,
  signal: AbortSignal,
): Promise<Result<LateVerdict, LateFault>> {
  try {
    return await within(deps.clock, deps.maxAskMs, (late) => deps.ask(question, AbortSignal.any([signal, late])));
  } catch (error) {
    deps.warn(`the ${question.spec.kind} of ${question.state.runId} broke off`, error);
    const detail = "the question broke off";
    return {
      ok: false,
      error: { code: `${question.spec.kind}_failed`, detail, isRetryable: true, retryAfterMs: null },
    };
  }
}

function toLateReward(kind: "judge" | "webhook", asked: Result<LateVerdict, LateFault>, at: string): LateReward {
  const whose = { source: kind, kind, at };
  if (asked.ok) {
    const { value, components, reason, judgeModel, promptVersion } = asked.value;
    const judged = { judge_model: judgeModel, prompt_version: promptVersion };
    return { ...whose, value, components, reason, error_code: null, ...judged };
  }
  const { code, detail } = asked.error;
  const none = { value: null, components: null, judge_model: null, prompt_version: null };
  return { ...whose, ...none, reason: detail, error_code: code };
}
