import { expect, test } from "vitest";
import { JobTickets } from "../../src/tools/python-coder/sandbox/job-tickets.ts";

test("a job is wanted from its beginning to its end", () => {
  const tickets = new JobTickets();
  expect(tickets.isWanted("a")).toBe(false);
  tickets.begin("a");
  expect(tickets.isWanted("a")).toBe(true);
  tickets.end("a");
  expect(tickets.isWanted("a")).toBe(false);
});

test("a job that was cancelled, before it came or after, is not wanted", () => {
  const tickets = new JobTickets();
  tickets.cancel("early");
  tickets.begin("early");
  tickets.begin("late");
  tickets.cancel("late");
  expect([tickets.isWanted("early"), tickets.isWanted("late")]).toEqual([false, false]);
});

test("only the last of many cancels without a job are remembered", () => {
  const tickets = new JobTickets();
  for (let number = 0; number < 65; number += 1) {
    tickets.cancel(`job ${number}`);
  }
  tickets.begin("job 0");
  tickets.begin("job 1");
  expect([tickets.isWanted("job 0"), tickets.isWanted("job 1")]).toEqual([true, false]);
});
