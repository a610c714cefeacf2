import { describe, expect, test } from "vitest";
import { createWorld } from "../support/http-services.ts";
import { readProblem, summary } from "../support/problems.ts";

const url = "http://localhost:8787/v1/solve";
const json = { "content-type": "application/json" };
const halfPair = "Must be text; half of a surrogate pair is none.";

const send = async (init: RequestInit, path = url) => createWorld({ autoAnswer: "a" }).app.request(path, init);

/** A body that arrives in pieces, without a Content-Length. */
function streamed(bytes: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      const size = Math.min(65_536, bytes - sent);
      sent += size;
      controller.enqueue(new Uint8Array(size).fill(32));
      if (sent >= bytes) {
        controller.close();
      }
    },
  });
}

describe("a body", () => {
  test.each([
    ["broken JSON", "{", "400 invalid_json"],
    ["no JSON at all", "", "400 invalid_json"],
    ["JSON that is not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "400 invalid_json"],
    ["nested too deep", `${"[".repeat(5000)}${"]".repeat(5000)}`, "400 invalid_json"],
    [
      "nested too deep in a loose field",
      `{"query":"q","reference":{"reward":{"kind":"x","y":${"[".repeat(99)}${"]".repeat(99)}}}}`,
      "400 invalid_json",
    ],
    ["a JSON value that is no object", "[1]", "422 invalid_request"],
    ["null", "null", "422 invalid_request"],
  ])("of %s is refused", async (_what, body, expected) => {
    expect(await summary(await send({ method: "POST", headers: json, body }))).toBe(expected);
  });

  test("larger than 1 MiB is refused, whatever Content-Length says", async () => {
    const large = JSON.stringify({ query: "q".repeat(1_048_576) });
    expect(await summary(await send({ method: "POST", headers: json, body: large }))).toBe("413 body_too_large");
    const unsized = { method: "POST", headers: json, body: streamed(2_000_000) };
    expect(await summary(await send(unsized))).toBe("413 body_too_large");
    const lying = { method: "POST", headers: { ...json, "content-length": "10" }, body: streamed(2_000_000) };
    expect(await summary(await send(lying))).toBe("413 body_too_large");
    const huge = { method: "POST", headers: { ...json, "content-length": "99999999" }, body: "{}" };
    expect(await summary(await send(huge))).toBe("413 body_too_large");
  });

  test.each([
    ["too large", "/v1/solve", json, "413 body_too_large"],
    ["of a wrong type", "/v1/solve", { "content-type": "text/plain" }, "415 unsupported_media_type"],
    ["for nothing", "/v1/nothing", json, "404 not_found"],
    ["with a wrong method", "/v1/runs", json, "405 method_not_allowed"],
    ["for a wrong host", "/v1/solve", { ...json, host: "evil.example" }, "421 wrong_host"],
  ])("that is refused, %s, is read to its end all the same", async (_what, path, headers, expected) => {
    const body = streamed(2_000_000);
    const request = new Request(`http://localhost:8787${path}`, { method: "POST", headers, body });
    expect(await summary(await createWorld().app.request(request))).toBe(expected);
    expect(await request.body?.getReader().read()).toMatchObject({ done: true });
  });

  test("that never ends is answered after two seconds", async () => {
    const world = createWorld();
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
    const pending = world.app.request("http://localhost:8787/v1/nothing", { method: "POST", headers: json, body });
    await world.clock.advance(0);
    await world.clock.advance(1999);
    const early = await Promise.race([pending, world.clock.advance(0).then(() => "no answer yet")]);
    expect(early).toBe("no answer yet");
    await world.clock.advance(1);
    expect(await summary(await pending)).toBe("404 not_found");
  });

  test("that breaks off is the caller's fault and no defect", async () => {
    const world = createWorld();
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("lost")) });
    const reply = await world.app.request(url, { method: "POST", headers: json, body });
    expect(await summary(reply)).toBe("400 invalid_json");
    expect(world.logs).toEqual([]);
  });

  test("that is empty is said to be so", async () => {
    const problem = await readProblem(await send({ method: "POST", headers: json, body: "" }));
    expect([problem.code, problem.detail]).toEqual(["invalid_json", "The body is empty."]);
  });

  test("of exactly 1 MiB is read", async () => {
    const body = JSON.stringify({ query: "q" }).padEnd(1_048_576, " ");
    expect((await send({ method: "POST", headers: json, body })).status).toBe(200);
  });

  test.each([
    ["text/plain", {}, "415 unsupported_media_type"],
    ["application/x-www-form-urlencoded", {}, "415 unsupported_media_type"],
    ["application/json", { "content-encoding": "gzip" }, "415 unsupported_content_encoding"],
    ["application/json; charset=utf-8", {}, "200"],
    ["Application/JSON", { "content-encoding": "identity" }, "200"],
  ])("as %s with %j gives %s %s", async (type, headers: Record<string, string>, expected) => {
    const reply = await send({
      method: "POST",
      headers: { "content-type": type, ...headers },
      body: JSON.stringify({ query: "q" }),
    });
    expect(reply.status === 200 ? "200" : await summary(reply)).toBe(expected);
  });

  test("without a type is refused", async () => {
    const body = new Blob([JSON.stringify({ query: "q" })]);
    expect(await summary(await send({ method: "POST", body }))).toBe("415 unsupported_media_type");
    expect(await summary(await send({ method: "POST" }))).toBe("415 unsupported_media_type");
  });
});

describe("a wrong field is named", () => {
  test.each([
    [{}, "query"],
    [{ query: 5 }, "query"],
    [{ query: "" }, "query"],
    [{ query: " \n\t " }, "query"],
    [{ query: "q".repeat(32_769) }, "query"],
    [{ query: "q", session_id: null }, "session_id"],
    [{ query: "q", tools: [] }, "tools"],
    [{ query: "q", tools: ["python_coder", 7] }, "tools[1]"],
    [{ query: "q", tools: ["python_coder", "teleport"] }, "tools[1]"],
    [{ query: "q", outputs: [] }, "outputs"],
    [{ query: "q", outputs: ["direct", "direct"] }, "outputs"],
    [{ query: "q", outputs: ["loud"] }, "outputs[0]"],
    [{ query: "q", limits: { max_turns: 21 } }, "limits.max_turns"],
    [{ query: "q", limits: { max_turns: 1.5 } }, "limits.max_turns"],
    [{ query: "q", limits: { max_seconds: 3601 } }, "limits.max_seconds"],
    [{ query: "q", limits: { max_tokens: 0 } }, "limits.max_tokens"],
    [{ query: "q", limits: { max_cost: 1 } }, "limits.max_cost"],
    [{ query: "q", sampling: { temperature: 3 } }, "sampling.temperature"],
    [{ query: "q", sampling: { top_p: 0 } }, "sampling.top_p"],
    [{ query: "q", sampling: { seed: -1 } }, "sampling.seed"],
    [{ query: "q", policy: "nobody-7" }, "policy"],
    [{ query: "q", reference: { answers: ["a", 2] } }, "reference.answers[1]"],
    [{ query: "q", reference: { reward: {} } }, "reference.reward.kind"],
    [{ query: "q", metadata: { a: 1 } }, "metadata.a"],
    [{ query: "q", metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])) }, "metadata"],
    [{ query: "q", stream: "yes" }, "stream"],
    [{ query: "q", colour: "red" }, "colour"],
    [JSON.parse('{"query":"q","__proto__":{}}'), "__proto__"],
  ])("%j: %s", async (body, field) => {
    const problem = await readProblem(await createWorld().post("/v1/solve", body));
    expect(problem.status).toBe(422);
    expect(problem.errors?.map((error) => error.field)).toContain(field);
  });

  test.each([
    [{}, ["query", "required", "This is required."]],
    [{ query: "" }, ["query", "too_small", "Must not be empty."]],
    [{ query: "\u200b \u2060\ufeff" }, ["query", "custom", "Must not be blank."]],
    [{ query: "\ud800" }, ["query", "custom", halfPair]],
    [{ query: "q", metadata: { note: "a\udfff" } }, ["metadata.note", "custom", halfPair]],
    [{ query: "q", metadata: { "\ud83d": "a" } }, ["metadata.\ufffd", "custom", halfPair]],
    [{ query: "q", reference: { answers: ["42", "4\udc00"] } }, ["reference.answers[1]", "custom", halfPair]],
    [
      { query: "q", reference: { reward: { kind: "regex", pattern: "\ud800" } } },
      ["reference.reward.pattern", "custom", halfPair],
    ],
    [{ query: "q", colour: "red" }, ["colour", "unknown_field", "There is no such field."]],
    [{ query: "q", ["x".repeat(500)]: 1 }, [`${"x".repeat(99)}…`, "unknown_field", "There is no such field."]],
    [{ query: "q", reference: { reward: {} } }, ["reference.reward.kind", "required", "This is required."]],
    [
      { query: "q", reference: { reward: { kind: "guess" } } },
      ["reference.reward.kind", "invalid_value", expect.stringContaining("one of exact, f1")],
    ],
  ])("%j: once, and in plain words", async (body, expected) => {
    const { errors, detail } = await readProblem(await createWorld().post("/v1/solve", body));
    expect(errors?.map((error) => [error.field, error.code, error.detail])).toEqual([expected]);
    expect(detail).toBe(`Not valid: ${expected[0]}.`);
  });

  test("a judge where no model judges", async () => {
    const body = { query: "q", reference: { answers: ["42"], reward: { kind: "judge" } } };
    const { status, errors } = await readProblem(await createWorld().post("/v1/solve", body));
    expect([status, errors?.map(({ field, code }) => [field, code])]).toEqual([
      422,
      [["reference.reward", "no_judge"]],
    ]);
    const judged = createWorld({ hasJudge: true, autoAnswer: "a" });
    expect((await judged.post("/v1/solve", body)).status).toBe(200);
  });

  test("text of every script is a query", async () => {
    const world = createWorld({ autoAnswer: "a" });
    for (const query of ["٤٢؟", "👩‍👩‍👧", "ا\u200cب", "e\u0301", "한"]) {
      expect((await world.post("/v1/solve", { query })).status).toBe(200);
    }
  });

  test("with a code of its own for tools and policies", async () => {
    const world = createWorld();
    expect(await summary(await world.post("/v1/solve", { query: "q", tools: ["x"] }))).toBe("422 unknown_tool");
    expect(await summary(await world.post("/v1/solve", { query: "q", policy: "x" }))).toBe("422 unknown_policy");
    expect((await world.post("/v1/solve", { query: "q", policy: "offline-0", background: true })).status).toBe(202);
  });

  test.each([
    ["/v1/runs?limit=0", "limit"],
    ["/v1/runs?limit=abc", "limit"],
    ["/v1/runs?limit=1&limit=2", "limit"],
    ["/v1/runs?status=happy", "status"],
    ["/v1/runs?cursor=%00", "cursor"],
    ["/v1/runs?cursor=bnVsbA==", "cursor"],
    ["/v1/runs?session_id=ses_1", "session_id"],
    ["/v1/runs?session_id=", "session_id"],
    ["/v1/runs?page=2", "page"],
    ["/v1/tools?x", "x"],
  ])("in the query string too: %s", async (path, field) => {
    const problem = await readProblem(await createWorld().get(path));
    expect(problem.status).toBe(422);
    expect(problem.errors?.map((error) => error.field)).toContain(field);
  });

  const run = "run_00000000000000000000000000_0001";
  test.each([
    ["/v1/runs?limit=-1", "Must be a whole number from 1 to 100."],
    ["/v1/runs?limit=ten", "Must be a whole number from 1 to 100."],
    ["/v1/runs?limit=101", "Must be a whole number from 1 to 100."],
    ["/v1/runs?limit=1&limit=1", "Send this parameter once."],
    [`/v1/runs/${run}/events?starting_after=-1`, "Must be a whole number, 0 or more."],
    ["/v1/runs?page=2", "There is no such parameter."],
  ])("and says what is right: %s", async (path, detail) => {
    const { errors } = await readProblem(await createWorld().get(path));
    expect(errors?.map((error) => error.detail)).toEqual([detail]);
  });
});

describe("what is not there", () => {
  const run = "run_00000000000000000000000000_0001";

  test.each([
    ["GET", "/v1/nothing"],
    ["GET", "/v1/solve/"],
    ["GET", "/v1/runs/"],
    ["POST", "/V1/SOLVE"],
    ["GET", "/v1/runs/run_1"],
    ["GET", `/v1/runs/${run}`],
    ["GET", `/v1/runs/${run}/events`],
    ["GET", `/v1/runs/${run}/record`],
    ["POST", `/v1/runs/${run}/cancel`],
    ["POST", `/v1/runs/${run}/ticket`],
    ["GET", "/v1/runs/%E0%A4%A"],
    ["GET", "/v1/sessions/ses_00000000000000000000000000"],
    ["DELETE", "/v1/sessions/ses_00000000000000000000000000"],
    ["DELETE", "/v1/sessions/nonsense"],
  ])("%s %s is 404", async (method, path) => {
    expect(await summary(await send({ method }, `http://localhost:8787${path}`))).toBe("404 not_found");
  });

  test.each([
    ["DELETE", "/v1/solve", "POST, OPTIONS"],
    ["POST", "/v1/runs", "GET, HEAD, OPTIONS"],
    ["PUT", "/v1/sessions/x", "GET, DELETE, HEAD, OPTIONS"],
    ["GET", `/v1/runs/${run}/cancel`, "POST, OPTIONS"],
    ["POST", "/", "GET, HEAD, OPTIONS"],
    ["PATCH", "/docs", "GET, HEAD, OPTIONS"],
  ])("%s %s is 405 and says what is allowed", async (method, path, allow) => {
    const reply = await send({ method }, `http://localhost:8787${path}`);
    expect(await summary(reply)).toBe("405 method_not_allowed");
    expect(reply.headers.get("allow")).toBe(allow);
  });

  test("OPTIONS tells the methods, and nothing of an unknown path", async () => {
    const reply = await send({ method: "OPTIONS" });
    expect([reply.status, reply.headers.get("allow")]).toEqual([204, "POST, OPTIONS"]);
    expect((await send({ method: "OPTIONS" }, "http://localhost:8787/nope")).status).toBe(404);
  });

  test("HEAD answers as GET does, without the body", async () => {
    const reply = await send({ method: "HEAD" }, "http://localhost:8787/v1/info");
    expect([reply.status, reply.headers.get("content-type"), await reply.text()]).toEqual([
      200,
      "application/json",
      "",
    ]);
  });
});

describe("a fault of a store", () => {
  test("is 503, retryable, and says nothing about its inside", async () => {
    const { StoreFault } = await import("../../src/store/store-fault.ts");
    const world = createWorld();
    const broken = createWorld({
      ledger: {
        ...world.services.ledger,
        list: () => Promise.reject(new StoreFault("ledger_unavailable", new Error("D1_ERROR: secret"))),
      },
    });
    const reply = await broken.get("/v1/runs");
    expect([reply.headers.get("retry-after"), reply.headers.get("x-should-retry")]).toEqual(["1", "true"]);
    const problem = await readProblem(reply);
    expect([problem.status, problem.code]).toEqual([503, "ledger_unavailable"]);
    expect(JSON.stringify(problem)).not.toContain("secret");
    expect(broken.logs).toHaveLength(1);
  });

  test("of a read is tried again when the object was reset", async () => {
    const world = createWorld({ autoAnswer: "a" });
    world.clock.rush = true;
    await world.post("/v1/solve", { query: "q" });
    const [session] = world.sessions.values();
    const [run] = session?.runs.keys() ?? [];
    const lost = () => Object.assign(new Error("gone"), { retryable: true });
    session?.faults.push(lost(), lost());
    expect((await world.get(`/v1/runs/${run}`)).status).toBe(200);
    session?.faults.push(lost(), lost(), lost());
    expect(await summary(await world.get(`/v1/runs/${run}`))).toBe("503 session_unavailable");
  });
});
