import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createEventStream,
  encodeEvent,
  type EventDelta,
  type EventSnapshot,
  type LoggedEvent,
  type StreamNews,
} from "../../../src/lib/sse.ts";
import { parseEvents, readAll, readChunk } from "../../support/sse-reader.ts";

interface TestEvent extends LoggedEvent {
  readonly note: string;
}

/** A log that a test appends to, with the text being generated and timers fired by hand. */
function createTestLog(after = 0) {
  const events: TestEvent[] = [];
  const listeners = new Set<(news: StreamNews<TestEvent>) => void>();
  const timers = new Set<() => void>();
  const state: { text: string | null; ended: boolean; failRead: boolean } = {
    text: null,
    ended: false,
    failRead: false,
  };
  const tell = (news: StreamNews<TestEvent>) => listeners.forEach((listener) => listener(news));
  const base = { run_id: "run_1", turn: null, at: "2026-11-22T10:00:00.000Z" } as const;
  const snapshot = (): EventSnapshot | null =>
    state.text === null ? null : { ...base, type: "snapshot", of: "answer.delta", text: state.text };
  return {
    events,
    listeners,
    timers,
    state,
    append(type: string, more: { role?: string; note?: string } = {}) {
      const event: TestEvent = { seq: events.length + 1, type, note: more.note ?? "", ...more };
      events.push(event);
      state.text = null;
      state.ended = type === "run.completed";
      tell({ kind: "appended", event });
    },
    delta(text: string, type: EventDelta["type"] = "answer.delta") {
      state.text = (state.text ?? "") + text;
      tell({ kind: "delta", after: events.length, delta: { ...base, type, text } });
    },
    open: () =>
      createEventStream<TestEvent>({
        after,
        read(from, limit) {
          if (state.failRead) {
            throw new Error("storage was reset");
          }
          return events.filter((event) => event.seq > from).slice(0, limit);
        },
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        snapshot,
        isEnded: () => state.ended,
        startTimer(_delayMs, fire) {
          timers.add(fire);
          return () => timers.delete(fire);
        },
      }),
  };
}

type TestLog = ReturnType<typeof createTestLog>;

const names = (parsed: { events: { event: string }[] }) => parsed.events.map(({ event }) => event);

/** Starts a read that waits, so that what the test does next is seen live. */
async function openLive(log: TestLog) {
  const reader = log.open().getReader();
  const pending = readChunk(reader);
  await Promise.resolve();
  return { reader, pending };
}

describe("encodeEvent", () => {
  test("writes id, event and one line of data", () => {
    const bytes = encodeEvent({ id: "7", event: "turn.started", data: { text: "two\nlines\r" } });
    expect(new TextDecoder().decode(bytes)).toBe('id: 7\nevent: turn.started\ndata: {"text":"two\\nlines\\r"}\n\n');
  });

  test("lets no field begin another one", () => {
    const text = new TextDecoder().decode(encodeEvent({ id: "1\ndata: x", event: "a\r\n\r\nb", data: {} }));
    expect(text).toBe("id: 1 data: x\nevent: a b\ndata: {}\n\n");
  });

  test("survives any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const parsed = parseEvents(new TextDecoder().decode(encodeEvent({ event: "e", data: { text } })));
        expect(parsed.events).toEqual([{ id: null, event: "e", data: { text } }]);
      }),
    );
  });
});

describe("an event stream", () => {
  test("replays a finished log after the cursor and ends", async () => {
    const log = createTestLog(1);
    log.append("run.created");
    log.append("run.started");
    log.append("run.completed");
    const parsed = await readAll(log.open());
    expect(parsed.events.map(({ id }) => id)).toEqual(["2", "3"]);
    expect(log.listeners.size).toBe(0);
    expect(log.timers.size).toBe(0);
  });

  test("goes on live and ends after the terminal event", async () => {
    const log = createTestLog();
    log.append("run.created");
    const reader = log.open().getReader();
    expect(names(parseEvents((await readChunk(reader)) ?? ""))).toEqual(["run.created"]);
    const next = readChunk(reader);
    log.append("run.completed");
    expect(names(parseEvents((await next) ?? ""))).toEqual(["run.completed"]);
    expect(await readChunk(reader)).toBeNull();
  });

  test("sends deltas between the events they came between", async () => {
    const log = createTestLog();
    const { reader, pending } = await openLive(log);
    log.append("run.created");
    log.delta("4");
    log.delta("2");
    log.append("answer.completed");
    log.append("run.completed");
    let text = (await pending) ?? "";
    for (let chunk = await readChunk(reader); chunk !== null; chunk = await readChunk(reader)) {
      text += chunk;
    }
    const parsed = parseEvents(text);
    expect(names(parsed)).toEqual(["run.created", "answer.delta", "answer.delta", "answer.completed", "run.completed"]);
    expect(parsed.events.map(({ id }) => id)).toEqual(["1", null, null, "2", "3"]);
    expect(parsed.events[1]?.data).not.toHaveProperty("seq");
  });

  test("gives a late joiner the text so far, once, and then the deltas", async () => {
    const log = createTestLog();
    log.append("run.created");
    log.delta("The answer ");
    const reader = log.open().getReader();
    await readChunk(reader);
    log.delta("is ");
    expect(parseEvents((await readChunk(reader)) ?? "").events).toMatchObject([
      { id: null, event: "snapshot", data: { text: "The answer is ", of: "answer.delta" } },
    ]);
    log.delta("42");
    expect(parseEvents((await readChunk(reader)) ?? "").events).toMatchObject([{ data: { text: "42" } }]);
    await reader.cancel();
  });

  test("breaks its silence with a comment and keeps one timer at most", async () => {
    const log = createTestLog();
    const { reader, pending } = await openLive(log);
    expect(log.timers.size).toBe(1);
    log.timers.forEach((fire) => fire());
    expect(parseEvents((await pending) ?? "").comments).toEqual(["ka"]);
    expect(log.timers.size).toBe(0);
    await reader.cancel();
  });

  test("drops the deltas of a role whose try failed, and no other's", async () => {
    const log = createTestLog();
    const { reader, pending } = await openLive(log);
    log.append("run.created");
    await pending;
    const live = readChunk(reader);
    log.delta("first");
    await live;
    log.delta("void");
    log.delta("plan", "plan.delta");
    log.append("step.retried", { role: "generator" });
    expect(parseEvents((await readChunk(reader)) ?? "").events).toMatchObject([{ data: { text: "plan" } }]);
    expect(names(parseEvents((await readChunk(reader)) ?? ""))).toEqual(["step.retried"]);
    await reader.cancel();
  });

  test("holds 64 KB of deltas for a slow reader, then sends it the text as a snapshot", async () => {
    const log = createTestLog();
    log.append("run.created");
    const reader = log.open().getReader();
    await readChunk(reader);
    const live = readChunk(reader);
    log.delta("a");
    await live;
    for (let index = 0; index < 100; index++) {
      log.delta("x".repeat(1000));
    }
    const late = (await readChunk(reader)) ?? "";
    expect(late.length).toBeLessThanOrEqual(110_000);
    expect(parseEvents(late).events).toMatchObject([{ event: "snapshot", data: { text: `a${"x".repeat(100_000)}` } }]);
    log.append("run.completed");
    expect(names(parseEvents((await readChunk(reader)) ?? ""))).toEqual(["run.completed"]);
    expect(await readChunk(reader)).toBeNull();
  });

  test("loses no event to a reader that fetches nothing for a long time", async () => {
    const log = createTestLog();
    const stream = log.open();
    for (let index = 0; index < 1000; index++) {
      log.append("turn.started", { note: "n".repeat(1000) });
      log.delta("d".repeat(1000));
    }
    log.append("run.completed");
    const { events } = await readAll(stream);
    expect(events.filter(({ id }) => id !== null).map(({ id }) => Number(id))).toEqual(
      Array.from({ length: 1001 }, (_, index) => index + 1),
    );
  });

  test("lets go of the log when its reader leaves", async () => {
    const log = createTestLog();
    const { reader } = await openLive(log);
    await reader.cancel();
    await Promise.resolve();
    expect(log.listeners.size).toBe(0);
    expect(log.timers.size).toBe(0);
  });

  test("fails, and lets go, when the log cannot be read", async () => {
    const log = createTestLog();
    log.append("run.created");
    const reader = log.open().getReader();
    log.state.failRead = true;
    await expect(reader.read()).rejects.toThrow("storage was reset");
    expect(log.listeners.size).toBe(0);
  });

  test("can be read into the reader's own buffer, as Workers RPC does", async () => {
    const log = createTestLog();
    log.append("run.created");
    log.append("run.completed");
    const reader = log.open().getReader({ mode: "byob" });
    const decoder = new TextDecoder();
    let text = "";
    for (
      let chunk = await reader.read(new Uint8Array(16));
      !chunk.done;
      chunk = await reader.read(new Uint8Array(16))
    ) {
      text += decoder.decode(chunk.value, { stream: true });
    }
    expect(names(parseEvents(text))).toEqual(["run.created", "run.completed"]);
  });
});

const Step = fc.oneof(
  { weight: 3, arbitrary: fc.constant("append" as const) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 30_000 }) },
  { weight: 1, arbitrary: fc.constantFrom("retry" as const, "heartbeat" as const) },
  { weight: 4, arbitrary: fc.constant("read" as const) },
);

test("whatever the interleaving, a reader sees each event once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(Step, { maxLength: 60 }), fc.nat({ max: 5 }), async (steps, after) => {
      const log = createTestLog(after);
      const reader = log.open().getReader();
      const reads: Promise<string | null>[] = [];
      for (const step of steps) {
        if (step === "append") {
          log.append("turn.started");
        } else if (step === "retry") {
          log.append("step.retried", { role: "generator" });
        } else if (step === "heartbeat") {
          log.timers.forEach((fire) => fire());
        } else if (step === "read") {
          reads.push(readChunk(reader));
        } else {
          log.delta("x".repeat(step));
        }
        await Promise.resolve();
      }
      log.append("run.completed");
      let text = (await Promise.all(reads)).join("");
      for (let chunk = await readChunk(reader); chunk !== null; chunk = await readChunk(reader)) {
        text += chunk;
      }
      const { events } = parseEvents(text);
      const seqs = events.flatMap(({ id }) => (id === null ? [] : [Number(id)]));
      expect(seqs).toEqual(log.events.map(({ seq }) => seq).filter((seq) => seq > after));
      expect(log.listeners.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});
