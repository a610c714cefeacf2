import { describe, expect, it } from "vitest";
import { eventsOf, oneTurn, play, playOn, verdict } from "./support.ts";

const right = oneTurn({ generator: [{ text: "The answer is <answer>42</answer>" }] });

describe("a run with a reference", () => {
  it("has its reward in the log before the terminal event, and in the run", async () => {
    const { events, types, run } = await play({
      script: right,
      reference: { answers: ["42"], reward: { kind: "exact" } },
    });
    expect(types.slice(-3)).toEqual(["answer.completed", "reward.recorded", "run.completed"]);
    expect(eventsOf(events, "reward.recorded")).toMatchObject([{ value: 1, kind: "exact", components: { exact: 1 } }]);
    expect(run.reward).toEqual({ value: 1, kind: "exact", components: { exact: 1 }, source: "log" });
  });

  it("is compared exactly where it gives answers and names no reward", async () => {
    const { run } = await play({ script: right, reference: { answers: ["43"] } });
    expect(run.reward).toMatchObject({ value: 0, kind: "exact" });
  });

  it("has a reward when a limit ended it, for that is the policy's own doing", async () => {
    const { run } = await playOn({
      script: oneTurn({ verifier: [verdict("continue")], generator: [{ text: "42" }] }),
      spec: { limits: { max_turns: 1, max_seconds: 60, max_tokens: 100_000 } },
      reference: { answers: ["42"] },
    });
    expect(run).toMatchObject({ status: "incomplete", reward: { value: 1 } });
  });

  it.each([{ kind: "judge" }, { kind: "webhook", url: "https://grader.example/" }, { kind: "external" }] as const)(
    "ends without one where it comes later: $kind",
    async (reward) => {
      const { types, run } = await play({ script: right, reference: { answers: ["42"], reward } });
      expect(types.slice(-2)).toEqual(["answer.completed", "run.completed"]);
      expect(run.reward).toBeUndefined();
    },
  );

  it("has none when the engine failed it", async () => {
    const { types } = await playOn({
      script: oneTurn({ generator: [{ error: "engine_auth" }] }),
      reference: { answers: ["42"] },
    });
    expect(types).not.toContain("reward.recorded");
  });

  it("records it once, however often the loop is taken up again", async () => {
    for (let crashAt = 1; crashAt <= 8; crashAt += 1) {
      const { types } = await playOn({
        script: { ...right, generator: () => ({ text: "42" }) },
        reference: { answers: ["42"] },
        crashAt: (append) => (append === crashAt ? "after" : null),
      });
      expect(types.filter((type) => type === "reward.recorded")).toHaveLength(1);
    }
  });
});
