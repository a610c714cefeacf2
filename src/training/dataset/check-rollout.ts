// Rules 1 to 3 of DATASET over the turns of one rollout, one turn at a time, so that a long rollout costs no memory.

import { isSoundCapture } from "../validity.ts";
import type { Broken, RolloutSums } from "./check-group.ts";
import { type RolloutTableRow, TurnTableRow } from "./columns.ts";

/** What the rules read of a turn; prompts and texts stay in the file. */
export const CheckedTurn = TurnTableRow.pick({
  group_id: true,
  task_id: true,
  rollout_id: true,
  rollout_index: true,
  rollout_attempt: true,
  turn_index: true,
  num_turns: true,
  is_last_turn: true,
  valid: true,
  response_token_ids: true,
  response_logprobs: true,
  response_mask: true,
  reward: true,
  advantage: true,
  loss_weight: true,
});
export type CheckedTurn = Pick<TurnTableRow, keyof typeof CheckedTurn.shape>;
export const checkedColumns = Object.keys(CheckedTurn.shape);

const shared = ["group_id", "task_id", "rollout_index", "rollout_attempt", "valid", "reward", "advantage"] as const;

export class RolloutCheck {
  readonly broken: Broken[] = [];
  readonly #row: RolloutTableRow;
  #turns = 0;
  #lastTurns = 0;
  #turnsWithoutTokens = 0;
  #weight = 0;

  constructor(row: RolloutTableRow) {
    this.#row = row;
    if (row.valid !== (row.invalid_reason === null)) {
      this.#say("rule_3", "valid and invalid_reason contradict each other");
    }
    if (row.valid && row.reward === null) {
      this.#say("rule_3", "a valid rollout has no reward");
    }
  }

  turn(turn: CheckedTurn): void {
    const at = `turn ${turn.turn_index}`;
    if (turn.turn_index !== this.#turns) {
      this.#say("rule_2", `${at} where turn ${this.#turns} should be`);
    }
    if (turn.num_turns !== this.#row.num_turns) {
      this.#say("rule_2", `${at} counts ${turn.num_turns} turns, and its rollout ${this.#row.num_turns}`);
    }
    if (turn.is_last_turn !== (turn.turn_index === this.#row.num_turns - 1)) {
      this.#say("rule_2", `${at}: is_last_turn is ${turn.is_last_turn}`);
    }
    for (const name of shared) {
      if (turn[name] !== this.#row[name]) {
        this.#say("rule_3", `${at} and its rollout disagree on ${name}`);
      }
    }
    // A rollout whose capture was found broken keeps its rows as they came.
    if (this.#row.invalid_reason !== "bad_capture" && !isSoundCapture(turn)) {
      this.#say("rule_1", `${at}: ids, log-probs and mask do not belong together`);
    }
    this.#addTokens(turn, at);
    this.#turns += 1;
    this.#lastTurns += turn.is_last_turn ? 1 : 0;
  }

  end(): RolloutSums {
    if (this.#turns !== this.#row.num_turns) {
      this.#say("rule_2", `${this.#turns} turns, and num_turns is ${this.#row.num_turns}`);
    }
    if (this.#lastTurns !== Math.min(1, this.#row.num_turns)) {
      this.#say("rule_2", `${this.#lastTurns} last turns`);
    }
    return {
      row: this.#row,
      turns: this.#turns,
      turnsWithoutTokens: this.#turnsWithoutTokens,
      weight: this.#weight,
    };
  }

  #addTokens({ response_mask, loss_weight }: CheckedTurn, at: string): void {
    const tokens = response_mask?.reduce((sum, value) => sum + value, 0) ?? 0;
    this.#turnsWithoutTokens += tokens === 0 ? 1 : 0;
    this.#weight += (loss_weight ?? 0) * tokens;
    const wanted = this.#row.advantage !== null && response_mask !== null;
    if (wanted !== (loss_weight !== null)) {
      this.#say("rule_4", `${at}: ${wanted ? "a loss weight is missing" : "a loss weight that should be null"}`);
    }
  }

  #say(rule: Broken["rule"], detail: string): void {
    this.broken.push({ rule, detail, rolloutId: this.#row.rollout_id });
  }
}
