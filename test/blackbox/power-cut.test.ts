// One power cut in the middle of everything: what was promised before it (idempotency keys, cancellations, erasures,
// the order of a session) holds after it.

import { beforeAll, expect, test } from "vitest";
import type { RunObject } from "../../src/agent/run-object.ts";
import { until } from "../support/until.ts";
import { problemOf } from "./support/api.ts";
import { askErased } from "./support/erased.ts";
import { withMock } from "./support/with-mock.ts";

const service = withMock({ ENGINE_TIMEOUT_SECONDS: "120" });
const tools = ["base_generator"];
const answer = "The answer is 42.";
const once = { body: { query: "Once only", tools }, headers: { "idempotency-key": "once" } };
const going = { body: { query: "Going on", tools }, headers: { "idempotency-key": "going" } };
const before: Record<string, RunObject> = {};

function run(name: string): RunObject {
  const found = before[name];
  if (found === undefined) {
    throw new Error(`${name} was not started`);
  }
  return found;
}

async function reachesPlanner({ id }: RunObject): Promise<RunObject> {
  await until(`the planner of ${id} is asked`, async () =>
    service.mock.requestsOf("planner").some((request) => request.run === id),
  );
  return service.api.run(id);
}

async function erase({ session_id }: RunObject): Promise<void> {
  await service.api.send("DELETE", `/v1/sessions/${session_id}`);
}

beforeAll(async () => {
  const { api, mock } = service;
  before["solved"] = await api.solve(once.body, once.headers);
  before["erased"] = await api.solve({ query: "Erased long ago", tools });
  await erase(run("erased"));
  await askErased(api, run("erased"));
  mock.on("planner", { fault: "hang" });
  before["going"] = await reachesPlanner(await api.start(going.body, going.headers));
  before["behind"] = await api.start({ query: "Behind it", tools, session_id: run("going").session_id });
  before["cancelled"] = await reachesPlanner(await api.start({ query: "Cancelled", tools }));
  before["erasing"] = await reachesPlanner(await api.start({ query: "Erased at the last moment", tools }));
  await api.send("POST", `/v1/runs/${run("cancelled").id}/cancel`);
  await erase(run("erasing"));
  mock.on("planner", []);
  await service.restart();
});

test("an ended run is what its Idempotency-Key still gives", async () => {
  expect(await service.api.solve(once.body, once.headers)).toEqual(run("solved"));
  expect(service.mock.requestsOf("planner").filter((request) => request.run === run("solved").id)).toHaveLength(1);
});

test("another body with a key from before the cut is still refused", async () => {
  const reply = await service.api.send("POST", "/v1/solve", { ...once, body: { query: "Something else" } });
  expect(await problemOf(reply)).toEqual({ status: 422, code: "idempotency_key_reused" });
});

test("a client whose connection was cut repeats its request and gets the run that it started", async () => {
  const { id } = run("going");
  expect(await service.api.solve(going.body, going.headers)).toMatchObject({ id, status: "completed", answer });
});

test("the run behind it begins when it has ended, and sees its answer", async () => {
  const { id } = run("behind");
  expect(run("behind").status).toBe("queued");
  expect(await service.api.ended(id)).toMatchObject({ status: "completed", answer });
  const [asked, ...more] = service.mock.requestsOf("analyzer").filter((request) => request.run === id);
  expect(more).toEqual([]);
  expect(JSON.stringify(asked?.body["messages"])).toContain("Going on");
});

test("a cancelled run stays cancelled, also in the ledger", async () => {
  const { id } = run("cancelled");
  expect(await service.api.run(id)).toMatchObject({ status: "cancelled", answer: null });
  expect((await service.api.events(id)).at(-1)?.type).toBe("run.cancelled");
  const row = await until("the ledger has it", async () => {
    const found = (await service.api.ledger()).find((one) => one.id === id);
    return found?.status === "cancelled" && found;
  });
  expect(row.ended_at).not.toBeNull();
});

test("an erased session stays erased", async () => {
  expect(await askErased(service.api, run("erased"))).toEqual(["410 erased"]);
});

test("an erasure that the cut interrupted is carried out", async () => {
  expect(await askErased(service.api, run("erasing"))).toEqual(["410 erased"]);
});
