// DESIGN section 5, SSE over a real socket: what clients' own readers make of a stream, and that a stream that is
// dropped, joined late, read twice or not read at all repeats nothing and loses nothing.

import { createParser } from "eventsource-parser";
import { Stream } from "openai/core/streaming";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/agent/events.ts";
import { RunObject } from "../../src/agent/run-object.ts";
import { durable, endsRun, openStream, type SseMessage } from "../support/sse-client.ts";
import { until } from "../support/until.ts";
import { scriptTwoTurns } from "./support/two-turns.ts";
import { withMock } from "./support/with-mock.ts";

const service = withMock({ ENGINE_TIMEOUT_SECONDS: "90" });
const seqs = (events: readonly RunEvent[]): number[] => events.map((event) => event.seq);
const upTo = (last: number, from = 1): number[] => Array.from({ length: last - from + 1 }, (_, index) => from + index);

/** A generator that writes `words` words, one piece each. */
function scriptLongAnswer(words: number, chunkMs?: number): string {
  const text = Array.from({ length: words }, (_, index) => `word${index}`).join(" ");
  service.mock.on("generator", { text, ...(chunkMs === undefined ? {} : { chunkMs }) });
  return text;
}

async function solvedTwoTurns(): Promise<{ id: string; log: RunEvent[] }> {
  scriptTwoTurns(service.mock, 0);
  const { id } = await service.api.solve({ query: "Read me" });
  return { id, log: await service.api.events(id) };
}

function textOf(messages: readonly SseMessage[], event: string): string {
  return messages.flatMap((one) => (one.kind === "event" && one.event === event ? [one.data.text ?? ""] : [])).join("");
}

afterEach(() => service.mock.reset());

describe("clients' own readers", () => {
  let run: { id: string; log: RunEvent[] };
  beforeAll(async () => {
    run = await solvedTwoTurns();
  });

  test("openai's Stream.fromSSEResponse reads a whole run", async () => {
    const response = await service.api.send("GET", `/v1/runs/${run.id}/events`);
    const read: unknown[] = [];
    for await (const item of Stream.fromSSEResponse(response, new AbortController())) {
      read.push(item);
    }
    expect(read).toEqual(run.log);
  });

  test("openai's Stream.fromSSEResponse reads a run that failed, for no event has a field that it takes for its own", async () => {
    service.mock.on("planner", { fault: "context_limit" });
    service.mock.on("generator", { fault: "unauthorized" });
    const failed = await service.api.solve({ query: "Fail" });
    expect(failed.status).toBe("failed");
    const response = await service.api.send("GET", `/v1/runs/${failed.id}/events`);
    const types: unknown[] = [];
    for await (const item of Stream.fromSSEResponse<RunEvent>(response, new AbortController())) {
      types.push(item.type);
    }
    expect(types.at(-1)).toBe("run.failed");
  });

  test("eventsource-parser reads a whole run, with ids and types", async () => {
    const response = await service.api.send("GET", `/v1/runs/${run.id}/events`);
    const read: { id: string | undefined; event: string | undefined }[] = [];
    const parser = createParser({ onEvent: ({ id, event }) => read.push({ id, event }) });
    parser.feed(await response.text());
    expect(read).toEqual(run.log.map(({ seq, type }) => ({ id: String(seq), event: type })));
  });

  test("detail=full brings each module's calls along", async () => {
    const stream = await openStream(`${service.api.url}/v1/runs/${run.id}/events?detail=full`);
    const events = (await stream.rest()).flatMap((one) => (one.kind === "event" ? [one.data] : []));
    const planned = events.filter((event) => event.type === "plan.completed");
    expect(planned).toMatchObject([{ call: { role: "planner" } }, { call: { role: "planner" } }]);
    expect(events.map((event) => event.seq)).toEqual(run.log.map((event) => event.seq));
  });

  test("a stream of a solve request is the run's own", async () => {
    scriptTwoTurns(service.mock, 0);
    const stream = await openStream(`${service.api.url}/v1/solve`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "Stream me", stream: true }),
    });
    const messages = await stream.rest();
    const id = stream.response.headers.get("x-run-id") ?? "";
    expect(stream.response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(durable(messages)).toEqual(await service.api.events(id));
    expect(textOf(messages, "answer.delta")).toBe("The answer is 42.");
  });
});

describe("resuming", () => {
  test("after each event, by Last-Event-ID and by starting_after: the rest comes, once", async () => {
    const { id, log } = await solvedTwoTurns();
    for (const after of upTo(log.length - 1)) {
      for (const options of [{ lastEventId: after }, { after }, { after: 1, lastEventId: after }]) {
        const stream = await service.api.stream(id, options);
        expect(durable(await stream.rest())).toEqual(log.slice(after));
      }
    }
  });

  test("a live run whose reader drops the connection after every event", async () => {
    scriptTwoTurns(service.mock, 20);
    const { id } = await service.api.start({ query: "Drop me" });
    const read: RunEvent[] = [];
    while (!read.some(endsRun)) {
      const stream = await service.api.stream(id, { lastEventId: read.at(-1)?.seq ?? 0 });
      const event = await stream.nextEvent();
      stream.close();
      read.push(...(event === null ? [] : [event]));
    }
    expect(read).toEqual(await service.api.events(id));
  });

  test("204 when the log has ended and was read to its end, and for numbers beyond it", async () => {
    const { id, log } = await solvedTwoTurns();
    for (const after of [log.length, log.length + 7]) {
      const response = await service.api.send("GET", `/v1/runs/${id}/events?starting_after=${after}`);
      expect([response.status, await response.text()]).toEqual([204, ""]);
    }
  });
});

describe("readers of one run", () => {
  test("two at once, one from the middle, read the same events", async () => {
    scriptTwoTurns(service.mock, 20);
    const { id } = await service.api.start({ query: "Read me twice" });
    const readers = await Promise.all([service.api.stream(id), service.api.stream(id, { after: 3 })]);
    const [all, later] = await Promise.all(readers.map(async (reader) => durable(await reader.rest())));
    const log = await service.api.events(id);
    expect(all).toEqual(log);
    expect(later).toEqual(log.slice(3));
  });

  test("one that joins while the answer is written gets the text so far, then the rest", async () => {
    const text = scriptLongAnswer(60, 25);
    const { id } = await service.api.start({ query: "Join me late", tools: ["base_generator"] });
    const early = await service.api.stream(id);
    const seen: SseMessage[] = [];
    while (textOf(seen, "answer.delta").length < 50) {
      seen.push((await early.next()) ?? fail("the stream ended before the answer"));
    }
    const late = await service.api.stream(id, { after: seqs(durable(seen)).at(-1) ?? 0 });
    const messages = await late.rest();
    const snapshot = messages.find((one) => one.kind === "event");
    expect(snapshot).toMatchObject({ id: null, event: "snapshot", data: { of: "answer.delta", output: "direct" } });
    expect(textOf(messages, "snapshot").length).toBeGreaterThanOrEqual(50);
    expect(textOf(messages, "snapshot") + textOf(messages, "answer.delta")).toBe(text);
    seen.push(...(await early.rest()));
    expect(textOf(seen, "answer.delta")).toBe(text);
  });

  test("one that does not read until the run has ended still gets every durable event", async () => {
    // Some 4 MB of deltas: more than the sockets between hold.
    const text = scriptLongAnswer(20_000);
    const { id } = await service.api.start({ query: "Do not read me", tools: ["base_generator"] });
    const slow = await service.api.stream(id);
    expect((await service.api.ended(id)).answer).toBe(text);
    expect(durable(await slow.rest())).toEqual(await service.api.events(id));
  });

  test("one that goes away changes nothing", async () => {
    scriptTwoTurns(service.mock, 20);
    const stream = await openStream(`${service.api.url}/v1/solve`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "Leave me", stream: true }),
    });
    const first = await stream.nextEvent();
    stream.close();
    expect(await service.api.ended(first?.run_id ?? "")).toMatchObject({ status: "completed" });
  });
});

describe("a quiet stretch of 15 seconds", () => {
  test("brings a comment on a stream, and a waiting caller the headers of the reply", async () => {
    service.mock.on("planner", { fault: "hang" });
    const options = { body: { query: "Hang" }, headers: { "idempotency-key": "quiet" } };
    const { id } = await service.api.start(options.body, options.headers);
    const waiting = service.api.send("POST", "/v1/solve", options);
    const stream = await service.api.stream(id);
    const comment = await until("a comment arrives", async () => {
      const message = await stream.next();
      return message?.kind === "comment" ? message : message === null && fail("the stream ended");
    });
    expect(comment.text).toBe("ka");
    stream.close();
    // The run goes on, so that these headers cannot be those of its end; line breaks may follow before it.
    const reply = await waiting;
    expect((await service.api.run(id)).status).toBe("running");
    await service.api.send("POST", `/v1/runs/${id}/cancel`);
    const body = await reply.text();
    expect(RunObject.parse(JSON.parse(body))).toMatchObject({ id, status: "cancelled" });
  });
});

function fail(reason: string): never {
  throw new Error(reason);
}
