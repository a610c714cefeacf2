// The run that the crash tests interrupt: two turns on the mock model, base_generator first, python_coder second.

import type { Behaviour, MockOpenAi } from "../../support/mock-openai.ts";

export const twoTurnAnswer = "The answer is 42.";

function toolOf(turn: number | null): string {
  return turn === 1 ? "base_generator" : "python_coder";
}

const planner: Behaviour = (request) => ({
  json: {
    justification: "One tool after the other.",
    context: "",
    sub_goal: `Sub-goal of turn ${request.turn}`,
    tool_name: toolOf(request.turn),
  },
});

/** Every reply takes `latencyMs`, so that a kill falls between two events. */
export function scriptTwoTurns(mock: MockOpenAi, latencyMs: number): void {
  mock.reset();
  mock.set({ latencyMs, stopAtTurn: 2 });
  mock.on("planner", planner);
}
