// What readers of a run's events are sent, held against the schemas of the OpenAPI document.

import { expect, test } from "vitest";
import * as z from "zod";
import { RunFeed } from "../../../durable-objects/run-feed.ts";
import { withCalls } from "../../../durable-objects/run-reader.ts";
import { createOpenApiDocument } from "../../../src/http/openapi.ts";
import { err, ok } from "../../../src/lib/result.ts";
import { answer, coder, command, oneTurn, plan, play, runId } from "../agent/support.ts";

const MediaTypes = z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()) }));
const Document = z.object({
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ responses: z.record(z.string(), z.object({ content: MediaTypes.optional() })) })),
  ),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

const { paths, components } = Document.parse(createOpenApiDocument("0.0.0"));

/** The schema of a 200, by itself: Zod knows definitions under `$defs` alone. */
function published(method: string, path: string, mediaType: string): z.ZodType {
  const schema = paths[path]?.[method]?.responses["200"]?.content?.[mediaType]?.schema;
  const whole = JSON.stringify({ ...schema, $defs: components.schemas });
  return z.fromJSONSchema(JSON.parse(whole.replaceAll("#/components/schemas/", "#/$defs/")));
}

const page = published("get", "/v1/runs/{id}/events", "application/json");
const message = published("get", "/v1/runs/{id}/events", "text/event-stream");
const solveMessage = published("post", "/v1/solve", "text/event-stream");

/** The executor is asked twice, one tool call asks a model twice and one fails. */
async function playAll() {
  const tool = coder({
    async run(args, context) {
      if (JSON.stringify(args).includes("bad")) {
        return err({ code: "program_error", detail: "ZeroDivisionError", producedBy: "cpython" });
      }
      await context.chat([{ role: "user", content: "one" }]);
      await context.chat([{ role: "user", content: "two" }]);
      return ok({ result: "42", producedBy: "cpython" });
    },
  });
  return play({
    tools: [tool],
    script: oneTurn({
      planner: [{ ...plan(), deltas: ["find", " them"] }],
      executor: [{ text: "I would rather not." }, command("good", "bad")],
      tool: [{ text: "a" }, { text: "b" }],
      generator: [{ ...answer, deltas: ["4", "2"] }],
    }),
  });
}

test("a page with detail=full is what the document says, and so is each message of such a stream", async () => {
  const { log } = await playAll();
  const data = log.entries().map(withCalls);
  expect(page.parse({ data, has_more: false, next_cursor: null })).toMatchObject({ data });
  for (const event of data) {
    expect(message.parse(event)).toEqual(event);
  }
  expect(data.filter((event) => event.call !== undefined).map((event) => event.type)).toEqual([
    "analysis.completed",
    "plan.completed",
    "command.completed",
    "tool.completed",
    "verification.completed",
    "answer.completed",
  ]);
});

test("`call` is the call that counted, and `model_calls` all of them where there were several", async () => {
  const { log } = await playAll();
  const shown = new Map(log.entries().map((entry) => [entry.event.type, withCalls(entry)]));
  const planned = shown.get("plan.completed");
  expect(planned?.call).toMatchObject({ role: "planner", attempts: 1 });
  expect(planned).not.toHaveProperty("model_calls");
  const commanded = shown.get("command.completed");
  expect(commanded?.model_calls).toMatchObject([{ text: "I would rather not." }, { role: "executor" }]);
  expect(commanded?.call).toEqual(commanded?.model_calls?.[1]);
  expect(shown.get("tool.completed")).toMatchObject({
    call: { text: "b" },
    model_calls: [{ text: "a" }, { text: "b" }],
  });
  // Its own `calls` are the tool's.
  expect(commanded).toMatchObject({ calls: [{ arguments: { code: "good" } }, { arguments: { code: "bad" } }] });
  expect(shown.get("tool.failed")).not.toHaveProperty("call");
});

test("deltas and snapshots are what the document says, in both streams", async () => {
  const { deltas } = await playAll();
  const feed = new RunFeed(runId, 1);
  const sent: unknown[] = [];
  feed.subscribe((news) => sent.push(news.kind === "delta" ? news.delta : null));
  for (const delta of deltas) {
    feed.delta(delta, 0);
    sent.push(feed.snapshot());
  }
  expect(sent).toMatchObject([
    { type: "plan.delta", turn: 1 },
    { type: "snapshot", of: "plan.delta" },
    { type: "plan.delta" },
    { type: "snapshot", turn: 1 },
    { type: "answer.delta", output: "direct" },
    { type: "snapshot", of: "answer.delta", output: "direct" },
    { type: "answer.delta" },
    { type: "snapshot", turn: null },
  ]);
  for (const one of sent) {
    expect(message.parse(one)).toEqual(one);
    expect(solveMessage.parse(one)).toEqual(one);
  }
});

test("what the document does not name is no message", async () => {
  const { log } = await playAll();
  const [created] = log.entries().map(withCalls);
  expect(message.safeParse({ ...created, call: {} }).success).toBe(false);
  expect(message.safeParse({ ...created, colour: "red" }).success).toBe(false);
  expect(message.safeParse({ type: "plan.delta", text: "x" }).success).toBe(false);
});
