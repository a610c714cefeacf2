// DESIGN section 8: `kill -9` of the server at any event; the run completes, the log has no gap and no duplicate.
// The whole process group is killed after each step of a run in turn, and started again on the same state.

import { beforeAll, describe, expect, test } from "vitest";
import { isTerminal, type RunEvent } from "../../src/agent/events.ts";
import { until } from "../support/until.ts";
import { scriptTwoTurns, twoTurnAnswer } from "./support/two-turns.ts";
import { withMock } from "./support/with-mock.ts";

const latencyMs = 60;
/** What CI's time allows; a run of two turns has eleven pauses. */
const maxKills = 16;
const service = withMock();

beforeAll(() => {
  scriptTwoTurns(service.mock, latencyMs);
});

/** Starts a run and returns once its event `seq` has arrived over SSE. */
async function startAndSee(query: string, seq: number): Promise<string> {
  const run = await service.api.start({ query });
  const stream = await service.api.stream(run.id);
  const seen = await stream.nextEvent((event) => event.seq === seq);
  stream.close();
  expect(seen?.seq).toBe(seq);
  return run.id;
}

function endsInLedger(id: string) {
  return until(`the ledger has the end of ${id}`, async () => {
    const row = (await service.api.ledger()).find((one) => one.id === id);
    return row === undefined || row.ended_at === null ? null : row;
  });
}

/** Numbers of the events after which the run waits for something: a kill can fall between those and the next. */
function pausesOf(log: readonly RunEvent[]): number[] {
  const isPause = (event: RunEvent, next: RunEvent | undefined) =>
    next === undefined || Date.parse(next.at) - Date.parse(event.at) >= latencyMs / 2;
  return log
    .filter((event, index) => isPause(event, log[index + 1]))
    .map((event) => event.seq)
    .slice(0, maxKills);
}

function expectWhole(log: readonly RunEvent[]): void {
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
  expect(log.filter((event) => isTerminal(event.type)).map((event) => event.seq)).toEqual([log.length]);
  const once = ["run.created", "run.started", "analysis.completed", "answer.completed"];
  expect(once.map((type) => log.filter((event) => event.type === type).length)).toEqual([1, 1, 1, 1]);
  for (const turn of [1, 2]) {
    const types = log.filter((event) => event.turn === turn && event.type !== "step.retried").map(({ type }) => type);
    expect(types).toEqual([
      "turn.started",
      "plan.completed",
      "command.completed",
      "tool.started",
      "tool.completed",
      "verification.completed",
      "turn.completed",
    ]);
  }
}

async function expectCompleted(id: string): Promise<RunEvent[]> {
  const run = await service.api.run(id);
  expect(run.status).toBe("completed");
  expect(run.answer).toBe(twoTurnAnswer);
  const log = await service.api.events(id);
  expectWhole(log);
  const record = await service.api.record(id);
  expect(record.turns.map((turn) => turn.turn_index)).toEqual([0, 1]);
  expect(record.status).toBe("completed");
  return log;
}

describe("kill -9 of the whole server", () => {
  test("after each step of a run: it completes, with each event and each planner turn once", async () => {
    const undisturbed = await service.api.solve({ query: "Nobody is killed here" });
    const ids = [undisturbed.id];
    const log = await expectCompleted(undisturbed.id);
    for (const seq of pausesOf(log)) {
      const id = await startAndSee(`Killed after event ${seq}`, seq);
      await service.restart();
      // The ledger alone is read, so that only the object's own alarm can have woken it.
      expect(await endsInLedger(id)).toMatchObject({ status: "completed", turns: 2 });
      const after = await expectCompleted(id);
      expect(after.some((event) => event.type === "step.retried")).toBe(seq < log.length);
      const planned = after.filter((event) => event.type === "plan.completed" && event.seq <= seq);
      const asked = planned.map(
        ({ turn }) => service.mock.requestsOf("planner").filter((one) => one.run === id && one.turn === turn).length,
      );
      // A planner's reply that is in the log is never sampled again.
      expect(asked).toEqual(planned.map(() => 1));
      ids.push(id);
    }
    const rows = await service.api.ledger();
    expect(rows.map((row) => [row.id, row.status])).toEqual(ids.toReversed().map((id) => [id, "completed"]));
  });

  test("twice in a row, with three runs in flight, one of them waiting behind another: all complete", async () => {
    const first = await service.api.start({ query: "The first of its session" });
    const [second, other] = await Promise.all([
      service.api.start({ query: "Waits behind the first", session_id: first.session_id }),
      service.api.start({ query: "In another session" }),
    ]);
    const stream = await service.api.stream(first.id);
    await stream.nextEvent((event) => event.type === "plan.completed");
    stream.close();
    await service.restart();
    // The second cut comes while the runs are being taken up.
    await service.restart();
    for (const { id } of [first, second, other]) {
      expect(await endsInLedger(id)).toMatchObject({ status: "completed" });
      await expectCompleted(id);
    }
  });
});
