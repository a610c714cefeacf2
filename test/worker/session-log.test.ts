// Readers of a session's log: streams from anywhere, before, during and after the run, and pages.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { newSession, present, type SessionUnderTest, until, valueOf } from "../support/session-object.ts";
import { holdPuts } from "../support/session-stores.ts";
import { parseEvents, type ReadEvent, readAll } from "../support/sse-reader.ts";

beforeAll(() => migrate(env.DB));
afterEach(() => vi.restoreAllMocks());

/** Makes prompts beyond what a row may hold; one word, which is one token of the model's. */
const long = "x".repeat(400_000);

async function open(session: SessionUnderTest, after = 0, runId = session.runId(1)) {
  const outcome = await session.api().streamEvents(runId, after, "public");
  return present(outcome.kind === "stream" ? outcome.body : null, `stream: ${outcome.kind}`);
}

function numbered(events: readonly ReadEvent[]): number[] {
  return events.flatMap((event) => (event.id === null ? [] : Number(event.id)));
}

/** Reads until the text holds `wanted`; the stream stays open. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, wanted: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    text += decoder.decode(present(done ? null : value, `"${wanted}" in ${text}`));
  }
  return text;
}

function upTo(length: number, from = 1): number[] {
  return Array.from({ length: length - from + 1 }, (_, index) => from + index);
}

describe("a stream", () => {
  test("of a finished run gives its log from any number on, as it was stored", async () => {
    startSessionModel(1);
    const session = newSession();
    await session.start();
    await session.ended(session.runId(1));
    const log = await session.log(session.runId(1));
    const whole = await readAll(await open(session));
    expect(whole.events.map((event) => event.data)).toEqual(log);
    expect(numbered((await readAll(await open(session, 5))).events)).toEqual(upTo(log.length, 6));
    const drained = await session.api().streamEvents(session.runId(1), log.length, "public");
    expect(drained).toEqual({ kind: "drained" });
  });

  test("of a run that goes on gives what stands, then what comes, and ends with the run", async () => {
    const model = startSessionModel(2);
    const session = newSession();
    const go = Promise.withResolvers<void>();
    model.play((call) => (call.index === 3 ? { text: "{}", pieces: 1, until: go.promise } : null));
    await session.start();
    await model.arrived(3);
    const [fromStart, fromMiddle] = await Promise.all([open(session), open(session, 4)]);
    const reading = Promise.all([readAll(fromStart), readAll(fromMiddle)]);
    go.resolve();
    const [all, rest] = await reading;
    const log = await session.log(session.runId(1));
    expect(numbered(all.events)).toEqual(upTo(log.length));
    expect(numbered(rest.events)).toEqual(upTo(log.length, 5));
    expect(all.events.filter((event) => event.id === null).map((event) => event.event)).toContain("answer.delta");
  });

  test("that begins in the middle of an answer starts with a snapshot of it", async () => {
    const model = startSessionModel(1);
    const session = newSession();
    const go = Promise.withResolvers<void>();
    // Five pieces: the role and four words.
    model.play((call) =>
      call.role === "generator" ? { text: "one two three four five six", pieces: 5, until: go.promise } : null,
    );
    const run = await session.start();
    await model.arrived(6);
    const early = (await open(session)).getReader();
    await readUntil(early, " four");
    const late = (await open(session)).getReader();
    const text = await readUntil(late, '"snapshot"');
    const { events } = parseEvents(text);
    expect(events.at(-1)).toMatchObject({
      id: null,
      event: "snapshot",
      data: { of: "answer.delta", text: "one two three four", output: "direct" },
    });
    go.resolve();
    const deltas = parseEvents(await readUntil(late, "run.completed")).events.filter(
      (event) => event.event === "answer.delta",
    );
    expect(deltas.map((event) => event.data["text"]).join("")).toBe(" five six");
    await Promise.all([early.cancel(), late.cancel()]);
    await session.ended(run.id);
  });

  test("goes on, and so does who waits, when a fault breaks the loop off and another takes its place", async () => {
    const model = startSessionModel(1);
    const session = newSession();
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const puts = holdPuts("details/");
    const run = await session.start({ query: long });
    const reading = readAll(await open(session));
    const waiting = session.ended(run.id);
    await until(() => puts.keys.length > 0);
    puts.fail(new Error("R2 is down"));
    await until(() => warned.mock.calls.length > 0);
    vi.mocked(Reflect.get(Object.getPrototypeOf(env.BUCKET), "put")).mockRestore();
    await runDurableObjectAlarm(session.stub());
    expect((await waiting).status).toBe("completed");
    const log = await session.log(run.id);
    expect(numbered((await reading).events)).toEqual(upTo(log.length));
    expect(log.filter((event) => event.type === "step.retried")).toMatchObject([{ reason: "recovered" }]);
    expect(model.callsOf("analyzer")).toHaveLength(2);
  });

  test("that its reader cancels, or never reads, neither stops the run nor keeps anything of it", async () => {
    const model = startSessionModel(1);
    const session = newSession();
    const go = Promise.withResolvers<void>();
    const words = `${"word ".repeat(20_000)}end`;
    model.play((call) => {
      if (call.index === 1) {
        return { text: "{}", pieces: 0, until: go.promise };
      }
      return call.role === "generator" ? { text: words } : null;
    });
    const run = await session.start();
    await model.arrived(1);
    const cancelled = (await open(session)).getReader();
    await readUntil(cancelled, "run.started");
    await cancelled.cancel();
    const idle = await open(session);
    go.resolve();
    expect((await session.ended(run.id)).answer).toBe(words);
    // It missed most of the 100 KB of deltas, and of the log nothing.
    const late = await readAll(idle);
    const deltaBytes = late.events
      .filter((event) => event.event === "answer.delta")
      .reduce((sum, event) => sum + JSON.stringify(event.data).length, 0);
    expect(deltaBytes).toBeLessThan(2 * 65_536);
    expect(numbered(late.events)).toEqual(upTo((await session.log(run.id)).length));
  });

  test("of an erased run ends", async () => {
    const model = startSessionModel(1);
    const session = newSession();
    model.play(() => "hang");
    await session.start();
    const reading = readAll(await open(session));
    await model.arrived(1);
    await session.api().erase();
    expect(numbered((await reading).events)).toContain(1);
    expect((await session.api().streamEvents(session.runId(1), 0, "public")).kind).toBe("gone");
  });
});

describe("a page", () => {
  test("has its limit, tells whether more follows and where the log ends", async () => {
    startSessionModel(1);
    const session = newSession();
    await session.start();
    await session.ended(session.runId(1));
    const total = (await session.log(session.runId(1))).length;
    const seen: number[] = [];
    for (;;) {
      const page = await session.api().readEvents(session.runId(1), seen.at(-1) ?? 0, 5, "public");
      const { events, hasMore, ended } = valueOf(page);
      seen.push(...events.map((event) => event.seq));
      expect(hasMore).toBe(seen.length < total);
      expect(ended).toBe(!hasMore);
      if (!hasMore) {
        break;
      }
    }
    expect(seen).toEqual(upTo(total));
    const beyond = await session.api().readEvents(session.runId(1), total, 5, "public");
    expect(beyond).toEqual({ kind: "found", value: { events: [], hasMore: false, ended: true } });
  });

  test("of a run that goes on is not its end", async () => {
    const model = startSessionModel(1);
    const session = newSession();
    model.play(() => "hang");
    await session.start();
    await model.arrived(1);
    const page = await session.api().readEvents(session.runId(1), 2, 5, "public");
    expect(page).toEqual({ kind: "found", value: { events: [], hasMore: false, ended: false } });
    await session.api().erase();
  });
});
