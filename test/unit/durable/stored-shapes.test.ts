// Which rows of the log are taken for this version's own: by the names of their members, whatever their values.

import { describe, expect, test } from "vitest";
import { isStoredDetail, isStoredEvent } from "../../../durable-objects/stored-shapes.ts";
import type { RunEvent } from "../../../src/agent/events.ts";

const envelope = { seq: 7, run_id: "run_1", turn: 2, at: "2026-11-22T12:00:00.000Z" };
const completed: RunEvent = {
  type: "tool.completed",
  ...envelope,
  call_index: 0,
  tool: "base_generator",
  ms: 12,
  produced_by: "mock-model",
  result: null,
  cut: false,
};

describe("an event's row", () => {
  test("is this version's own, with or without its optional members", () => {
    expect(isStoredEvent(completed)).toBe(true);
    expect(isStoredEvent({ ...completed, usage: { prompt_tokens: 1, completion_tokens: 1 } })).toBe(true);
    expect(isStoredEvent({ ...completed, arguments: { query: "?" } })).toBe(true);
  });

  test.each([
    ["of a type to come", { ...completed, type: "tool.paused" }],
    ["with a member to come", { ...completed, colour: "red" }],
    ["that lacks a member", { type: "tool.completed", ...envelope, tool: "base_generator" }],
    ["without its number", { ...completed, seq: null }],
    ["that is a list", [completed]],
    ["that is nothing", null],
  ])("%s is not", (_what, row) => {
    expect(isStoredEvent(row)).toBe(false);
  });
});

describe("a detail's row", () => {
  test.each([{ r2: "details/acme/run_1/ab.json" }, { inline: {} }, { inline: { calls: [] } }])("is %j", (row) => {
    expect(isStoredDetail(row)).toBe(true);
  });

  test.each([{}, { r2: 1 }, { inline: { calls: "none" } }, [], "r2", null])("is not %j", (row) => {
    expect(isStoredDetail(row)).toBe(false);
  });
});
