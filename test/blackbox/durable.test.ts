// What a caller may rely on over HTTP: idempotency keys, sessions and their order, cancel in flight, erasure, and
// that clients may go away. That it outlives a power cut is power-cut.test.ts.

import { beforeEach, describe, expect, test } from "vitest";
import { openStream } from "../support/sse-client.ts";
import { until } from "../support/until.ts";
import { problemOf } from "./support/api.ts";
import { askErased } from "./support/erased.ts";
import { withMock } from "./support/with-mock.ts";

const service = withMock({ ENGINE_TIMEOUT_SECONDS: "120" });
const tools = ["base_generator"];
const answer = "The answer is 42.";

beforeEach(() => service.mock.reset());

/** Calls of a role hang until the returned function is called; then they break off and are retried. */
function holdBack(role: string): () => void {
  service.mock.on(role, { fault: "hang" });
  return () => {
    service.mock.on(role, []);
    service.mock.cut();
  };
}

async function reaches(role: string, run: string): Promise<void> {
  await until(`the ${role} of ${run} is asked`, async () =>
    service.mock.requestsOf(role).some((request) => request.run === run),
  );
}

describe("Idempotency-Key", () => {
  test("the same body gets the same run, and no model is asked again; another body is refused", async () => {
    const body = { query: "Once only", tools };
    const headers = { "idempotency-key": "once" };
    const first = await service.api.solve(body, headers);
    const asked = service.mock.total;
    const again = await service.api.send("POST", "/v1/solve", { body, headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await again.json()).toEqual(first);
    expect(service.mock.total).toBe(asked);
    const other = { body: { query: "Something else", tools }, headers };
    const refused = { status: 422, code: "idempotency_key_reused" };
    expect(await problemOf(await service.api.send("POST", "/v1/solve", other))).toEqual(refused);
  });

  test("while the run goes on, a second request attaches to it, waiting or streaming", async () => {
    service.mock.set({ latencyMs: 150 });
    const body = { query: "Attach to me", tools };
    const headers = { "idempotency-key": "attach" };
    const started = await service.api.start(body, headers);
    const stream = openStream(`${service.api.url}/v1/solve`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ ...body, stream: true }),
    });
    const [waited, streamed] = await Promise.all([service.api.solve(body, headers), stream]);
    expect(waited).toMatchObject({ id: started.id, status: "completed", answer });
    const last = await streamed.nextEvent((event) => event.type === "run.completed");
    expect(last?.run_id).toBe(started.id);
    expect(service.mock.requestsOf("planner")).toHaveLength(1);
  });

  test("eight requests at once start one run", async () => {
    const body = { query: "All at once", tools };
    const headers = { "idempotency-key": "crowd" };
    const runs = await Promise.all(Array.from({ length: 8 }, () => service.api.solve(body, headers)));
    expect(new Set(runs.map((run) => run.id)).size).toBe(1);
    expect(service.mock.requestsOf("planner")).toHaveLength(1);
  });
});

describe("a session", () => {
  test("runs one run at a time, and the next sees the questions and answers before it", async () => {
    const letGo = holdBack("generator");
    const first = await service.api.start({ query: "What is six times seven?", tools });
    await reaches("generator", first.id);
    const second = await service.api.start({ query: "And twice that?", tools, session_id: first.session_id });
    expect(second.status).toBe("queued");
    expect((await service.api.run(second.id)).status).toBe("queued");
    expect(service.mock.requests.some((request) => request.run === second.id)).toBe(false);
    letGo();
    expect(await service.api.ended(first.id)).toMatchObject({ status: "completed", answer });
    expect(await service.api.ended(second.id)).toMatchObject({ status: "completed", answer });
    const prompts = service.mock
      .requestsOf("analyzer")
      .filter((request) => request.run === second.id)
      .map((request) => JSON.stringify(request.body["messages"]));
    expect(prompts).toHaveLength(1);
    expect(prompts[0]).toContain("What is six times seven?");
    expect(prompts[0]).toContain(answer);
    const session = await service.api.send("GET", `/v1/sessions/${first.session_id}`);
    expect(await session.json()).toMatchObject({ runs: [{ id: first.id }, { id: second.id, answer }] });
  });

  test("an unknown session is 404, also one of the right shape", async () => {
    for (const session_id of ["ses_nonsense", "ses_00000000000000000000000000"]) {
      const reply = await service.api.send("POST", "/v1/solve", { body: { query: "Where?", session_id } });
      expect(await problemOf(reply)).toEqual({ status: 404, code: "not_found" });
    }
  });
});

describe("cancel", () => {
  test.each(["planner", "tool", "generator"])("while the %s hangs: at once, and for good", async (role) => {
    holdBack(role);
    const { id } = await service.api.start({ query: `Cancel me at the ${role}`, tools });
    await reaches(role, id);
    const waiting = service.api.stream(id);
    const reply = await service.api.send("POST", `/v1/runs/${id}/cancel`);
    expect([reply.status, await reply.json()]).toMatchObject([200, { id, status: "cancelled", answer: null }]);
    // Its streams end, its call is hung up on, and nothing follows.
    expect((await (await waiting).nextEvent((event) => event.type === "run.cancelled"))?.run_id).toBe(id);
    await until("the call is cut", async () =>
      service.mock.requestsOf(role).every((request) => request.run !== id || request.cut),
    );
    const log = await service.api.events(id);
    expect(log.at(-1)?.type).toBe("run.cancelled");
    const again = await service.api.send("POST", `/v1/runs/${id}/cancel`);
    expect([again.status, await again.json()]).toMatchObject([200, { status: "cancelled" }]);
    expect(await service.api.events(id)).toEqual(log);
    expect(log.filter((event) => event.type === "tool.started")).toHaveLength(
      log.filter((event) => event.type === "tool.failed" || event.type === "tool.completed").length,
    );
  });

  test("lets the next run of the session begin; an ended run is left as it is", async () => {
    const letGo = holdBack("planner");
    const first = await service.api.start({ query: "In the way", tools });
    const second = await service.api.start({ query: "Waiting", tools, session_id: first.session_id });
    await reaches("planner", first.id);
    letGo();
    await service.api.send("POST", `/v1/runs/${first.id}/cancel`);
    const ended = await service.api.ended(second.id);
    expect(ended).toMatchObject({ status: "completed", answer });
    const late = await service.api.send("POST", `/v1/runs/${second.id}/cancel`);
    expect(await late.json()).toEqual(ended);
  });

  test("of a run that waits: it never begins", async () => {
    holdBack("planner");
    const first = await service.api.start({ query: "In front", tools });
    const second = await service.api.start({ query: "Never begun", tools, session_id: first.session_id });
    await service.api.send("POST", `/v1/runs/${second.id}/cancel`);
    expect((await service.api.events(second.id)).map((event) => event.type)).toEqual(["run.created", "run.cancelled"]);
    await service.api.send("POST", `/v1/runs/${first.id}/cancel`);
    expect(service.mock.requests.some((request) => request.run === second.id)).toBe(false);
  });
});

describe("erasure", () => {
  test("of a session with an ended run: its ids answer 410, and the ledger forgets it", async () => {
    const run = await service.api.solve({ query: "Forget me", tools });
    const reply = await service.api.send("DELETE", `/v1/sessions/${run.session_id}`);
    expect(await reply.json()).toEqual({ id: run.session_id, erased: true, run_ids: [run.id], datasets: [] });
    expect(await askErased(service.api, run)).toEqual(["410 erased"]);
  });

  test("of a session whose run goes on: its call is hung up on, its stream ends", async () => {
    holdBack("planner");
    const run = await service.api.start({ query: "Forget me at once", tools });
    await reaches("planner", run.id);
    const stream = await service.api.stream(run.id);
    await service.api.send("DELETE", `/v1/sessions/${run.session_id}`);
    await stream.rest();
    await until("the call is cut", async () => service.mock.requestsOf("planner").every((request) => request.cut));
    expect(await askErased(service.api, run)).toEqual(["410 erased"]);
  });
});

test("a client that disconnects while it waits changes nothing", async () => {
  service.mock.set({ latencyMs: 100 });
  const abort = new AbortController();
  const headers = { "content-type": "application/json", "idempotency-key": "left" };
  const body = JSON.stringify({ query: "Nobody waits for me", tools });
  const waiting = fetch(`${service.api.url}/v1/solve`, { method: "POST", headers, body, signal: abort.signal });
  await until("the run has begun", async () => service.mock.requestsOf("analyzer").length > 0);
  abort.abort();
  await expect(waiting).rejects.toThrow("abort");
  const id = service.mock.requestsOf("analyzer")[0]?.run ?? "";
  expect(await service.api.ended(id)).toMatchObject({ status: "completed", answer });
});
