// Late rewards of a real server: a judge whose server is killed away under it, a webhook that checks its signature,
// and feedback. The reward in force is what a caller reads on the run.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "../support/until.ts";
import { problemOf } from "./support/api.ts";
import { withMock } from "./support/with-mock.ts";

const secret = Buffer.from("a secret of thirty-two bytes, ok").toString("base64");
const heard: { headers: IncomingHttpHeaders; body: string }[] = [];
const grader = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    heard.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    // The first try of each message meets a server that is starting.
    const tries = heard.filter((one) => one.headers["webhook-id"] === request.headers["webhook-id"]).length;
    response.writeHead(tries === 1 ? 503 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify({ value: 0.25, reason: "a quarter" }));
  });
});
grader.listen(0, "127.0.0.1");
await once(grader, "listening");
const address = grader.address();
const host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;

const service = withMock({
  FETCH_ALLOW: host,
  TENANT_SECRET_GRADER: `whsec_${secret}`,
  TENANT_SECRET_GRADER_FOR: `local@${host}`,
});

beforeAll(() => {
  service.mock.set({ tool: "base_generator" });
});
beforeEach(() => {
  service.mock.reset();
  service.mock.set({ tool: "base_generator" });
});
afterAll(() => grader.close());

const solve = (reward: unknown) =>
  service.api.solve({
    query: "What is six times seven?",
    tools: ["base_generator"],
    reference: { answers: ["42"], reward },
  });

function rewarded(id: string) {
  return until(`the reward of ${id}`, async () => {
    const run = await service.api.run(id);
    return run.rewards === undefined || run.rewards.length === 0 ? null : run;
  });
}

describe("a judge", () => {
  test("whose server is killed away under it is asked again, and speaks once", async () => {
    service.mock.on("judge", [{ fault: "hang" }]);
    const run = await solve({ kind: "judge" });
    expect(run.reward).toBeUndefined();
    await until("the judge is asked", async () => (service.mock.requestsOf("judge").length > 0 ? true : null));
    await service.restart();
    // The alarm of a session is what brings it back; nobody asks for the run meanwhile.
    await until("the judge is asked again", async () => (service.mock.requestsOf("judge").length > 1 ? true : null));
    const judged = await rewarded(run.id);
    expect(judged).toMatchObject({
      reward: { value: 1, kind: "judge", source: "judge", components: { judge: 1 } },
      rewards: [{ judge_model: "mock-model", prompt_version: "judge/1", error_code: null }],
    });
    expect(await service.api.record(run.id)).toMatchObject({
      reward: null,
      reward_pending: true,
      valid: true,
      rewards: [{ value: 1 }],
    });
  });

  test("that refuses has failed, and its run has no reward rather than 0", async () => {
    service.mock.on("judge", { fault: "unauthorized" });
    const run = await solve({ kind: "judge" });
    const failed = await rewarded(run.id);
    expect(failed.reward).toBeUndefined();
    expect(failed.rewards).toMatchObject([{ source: "judge", value: null, error_code: "engine_auth" }]);
  });
});

test("a webhook that was starting is asked again, and can check every signature", async () => {
  const reward = { kind: "webhook", url: `http://${host}/grade`, secret: "TENANT_SECRET_GRADER" };
  const run = await solve(reward);
  const graded = await rewarded(run.id);
  expect(graded).toMatchObject({
    reward: { value: 0.25, kind: "webhook", source: "webhook" },
    rewards: [{ reason: "a quarter" }],
  });
  const mine = heard.filter((one) => one.headers["webhook-id"] === `msg_${run.id}`);
  expect(mine).toHaveLength(2);
  for (const { headers, body } of mine) {
    const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
    const expected = createHmac("sha256", Buffer.from(secret, "base64")).update(signed).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
    expect(JSON.parse(body)).toMatchObject({ type: "reward.requested", data: { run_id: run.id, answers: ["42"] } });
  }
});

test("a webhook on an internal address that nobody allowed is never reached", async () => {
  const run = await solve({ kind: "webhook", url: "http://127.0.0.1:9/grade" });
  expect((await rewarded(run.id)).rewards).toMatchObject([
    { value: null, error_code: expect.stringMatching(/refused/) },
  ]);
});

test("feedback is the reward of a run that waits for one from outside", async () => {
  const run = await solve({ kind: "external" });
  const give = (body: unknown) => service.api.send("POST", "/v1/feedback", { body });
  const given = await until("the run takes feedback", async () => {
    const reply = await give({ run_id: run.id, value: 0.5, source: "ann" });
    return reply.status === 409 ? null : reply;
  });
  expect(given.status).toBe(200);
  await give({ run_id: run.id, value: 0.75, source: "ann", reason: "on reflection" });
  await service.restart();
  expect(await service.api.run(run.id)).toMatchObject({
    reward: { value: 0.75, source: "ann", kind: "external" },
    rewards: [{ value: 0.75, reason: "on reflection" }, { value: 0.5 }],
  });
  expect(await problemOf(await give({ run_id: "run_1", value: 1, source: "ann" }))).toEqual({
    status: 404,
    code: "not_found",
  });
});
