// The doubles that the agent's tests stand on must themselves be able to fail: an engine that forgave would prove
// nothing.

import { describe, expect, it } from "vitest";
import type { ChatRequest } from "../../../src/engines/engine.ts";
import { verdictReply } from "../../../src/engines/module-replies.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { createScriptedEngine } from "../../support/scripted-engine.ts";
import { createVirtualClock, epochMs } from "../../support/virtual-clock.ts";
import { oneTurn, playOn, runId, spec, verdict } from "./support.ts";

const never = new AbortController().signal;
const request: ChatRequest = {
  role: "verifier",
  runId,
  turn: 1,
  messages: [{ role: "user", content: "?" }],
  sampling: { temperature: 0, maxTokens: 16 },
  schema: verdictReply,
  structure: "guided",
  capture: "text",
  maxReplyBytes: 1000,
};

describe("the scripted engine", () => {
  it("fails on a call that the script does not foresee, at the call and at the end", async () => {
    const engine = createScriptedEngine({ planner: [] }, createVirtualClock());
    await expect(engine.chat(request, never)).rejects.toThrow("unexpected call 1 of the verifier in turn 1");
    expect(() => {
      engine.done();
    }).toThrow("unexpected call 1 of the verifier");
  });

  it("fails at the end on replies that nobody asked for", async () => {
    const { engine } = await playOn({ script: oneTurn({ verifier: [verdict("stop"), verdict("stop")] }) });
    expect(() => {
      engine.done();
    }).toThrow("unused replies: 1 of the verifier");
  });

  it("reads its own text with the request's schema, and records the request beyond change", async () => {
    const engine = createScriptedEngine({ verifier: [verdict("stop"), { text: "?" }] }, createVirtualClock());
    expect(await engine.chat(request, never)).toMatchObject({
      value: { parsed: { how: "strict", value: { conclusion: "stop" } } },
    });
    expect(await engine.chat(request, never)).toMatchObject({ value: { parsed: { how: "none" } } });
    expect(engine.requests[0]).toMatchObject({ role: "verifier", schema: "verification" });
    expect(Object.isFrozen(engine.requests[0]?.messages[0])).toBe(true);
  });
});

describe("the memory log", () => {
  it("refuses what comes after the end, and numbers without a gap", () => {
    const log = createMemoryLog({ runId, spec: spec(), clock: createVirtualClock() });
    const { usage } = log.readState();
    expect(log.append([{ type: "run.started", turn: null, queued_ms: 0 }], 5)).toHaveLength(1);
    expect(log.append([{ type: "run.cancelled", turn: null, usage }], 7)).toHaveLength(1);
    expect(log.append([{ type: "run.started", turn: null, queued_ms: 0 }], 9)).toBeNull();
    expect(log.events().map((event) => [event.seq, event.type])).toEqual([
      [1, "run.created"],
      [2, "run.started"],
      [3, "run.cancelled"],
    ]);
    expect(log.activeMs()).toBe(7);
  });

  it("keeps all of an append or nothing", () => {
    const log = createMemoryLog({ runId, spec: spec(), clock: createVirtualClock() });
    expect(() =>
      log.append(
        [
          { type: "run.started", turn: null, queued_ms: 0 },
          { type: "turn.started", turn: 1, turns_left: 0.5 },
        ],
        0,
      ),
    ).toThrow("turns_left");
    expect(log.events()).toHaveLength(1);
  });
});

describe("the virtual clock", () => {
  it("wakes sleepers in the order of their hours, at their hours", async () => {
    const clock = createVirtualClock();
    const woken: (readonly [string, number])[] = [];
    const sleep = async (name: string, ms: number) => {
      await clock.sleep(ms, never);
      woken.push([name, clock.now() - epochMs]);
    };
    await Promise.all([sleep("late", 3_600_000), sleep("early", 10), sleep("middle", 500)]);
    expect(woken).toEqual([
      ["early", 10],
      ["middle", 500],
      ["late", 3_600_000],
    ]);
  });

  it("that stays moves only when told, and an abort wakes at once", async () => {
    const clock = createVirtualClock({ whenIdle: "stay" });
    const abort = new AbortController();
    let awake = 0;
    const sleepers = [clock.sleep(100, never), clock.sleep(1e9, abort.signal)].map(async (sleep) => {
      await sleep;
      awake += 1;
    });
    await clock.advance(99);
    expect(awake).toBe(0);
    await clock.advance(1);
    expect(awake).toBe(1);
    abort.abort();
    await Promise.all(sleepers);
    expect([awake, clock.now() - epochMs, clock.sleeping]).toEqual([2, 100, 0]);
  });
});
