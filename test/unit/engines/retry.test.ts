// The retries of one call: how many, how far apart, and what ends them. Time is a list here.

import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChatRequest, Engine, EngineError } from "../../../src/engines/engine.ts";
import { err, ok } from "../../../src/lib/result.ts";
import { chatWithRetries, type RetryNotice, type RetryOptions } from "../../../src/engines/retry.ts";
import { type MockOpenAi, startMockOpenAi } from "../../support/mock-openai.ts";
import { clock, engineOn, never, request } from "./support.ts";

let mock: MockOpenAi;
beforeAll(async () => {
  mock = await startMockOpenAi();
});
afterAll(() => mock.close());

const failure = (change: Partial<EngineError> = {}): EngineError => ({
  code: "server_error",
  detail: "HTTP 500: no",
  retryable: true,
  retryAfterMs: null,
  ...change,
});

/** Fails with each error in turn, then answers through the mock. */
function failing(errors: readonly EngineError[]): Engine & { calls: number } {
  const real = engineOn(mock.url);
  const engine = {
    calls: 0,
    modelOf: () => "mock-model",
    chat(asked: ChatRequest, signal: AbortSignal) {
      const error = errors[engine.calls];
      engine.calls += 1;
      return error === undefined ? real.chat(asked, signal) : Promise.resolve(err(error));
    },
  };
  return engine;
}

interface Watched extends RetryOptions {
  readonly order: (string | number)[];
  readonly notices: RetryNotice[];
}

function watched(change: Partial<RetryOptions> = {}): Watched {
  const order: (string | number)[] = [];
  const notices: RetryNotice[] = [];
  return {
    signal: never,
    random: () => 0.5,
    clock: {
      sleep(ms) {
        order.push(ms);
        return Promise.resolve();
      },
    },
    async onRetry(notice) {
      await Promise.resolve();
      order.push(`notice ${notice.attempt}`);
      notices.push(notice);
    },
    order,
    notices,
    ...change,
  };
}

test("a reply at the first try waits for nothing", async () => {
  const options = watched();
  const result = await chatWithRetries(failing([]), request(), options);
  expect(result).toMatchObject({ ok: true, value: { attempts: 1, reply: { text: "The answer is 42." } } });
  expect(options.order).toEqual([]);
});

test("each failed try is told before the wait, and the waits double", async () => {
  const options = watched();
  const result = await chatWithRetries(
    failing([failure(), failure(), failure({ code: "rate_limited" })]),
    request(),
    options,
  );
  expect(result).toMatchObject({ ok: true, value: { attempts: 4 } });
  expect(options.order).toEqual(["notice 1", 250, "notice 2", 500, "notice 3", 1_000]);
  expect(options.notices[2]).toEqual({ attempt: 3, code: "rate_limited", reason: "HTTP 500: no", waitMs: 1_000 });
});

test("the tries are capped, and the last error comes back with their number", async () => {
  const engine = failing(Array.from({ length: 9 }, () => failure()));
  const options = watched();
  expect(await chatWithRetries(engine, request(), options)).toEqual(err({ ...failure(), attempts: 4 }));
  expect(engine.calls).toBe(4);
  expect(options.notices).toHaveLength(3);
});

test("what is final is final at once", async () => {
  const engine = failing([failure({ code: "engine_auth", retryable: false })]);
  expect(await chatWithRetries(engine, request(), watched())).toMatchObject({
    ok: false,
    error: { code: "engine_auth", attempts: 1 },
  });
  expect(engine.calls).toBe(1);
});

test("Retry-After is waited out and never undercut; more than a minute of it ends the call", async () => {
  const options = watched({ random: () => 0.2 });
  await chatWithRetries(
    failing([failure({ retryAfterMs: 7_000 }), failure({ retryAfterMs: 60_000 })]),
    request(),
    options,
  );
  expect(options.notices.map((notice) => notice.waitMs)).toEqual([7_100, 60_100]);
  const engine = failing([failure({ code: "rate_limited", retryAfterMs: 60_001 })]);
  expect(await chatWithRetries(engine, request(), watched())).toMatchObject({
    ok: false,
    error: { code: "rate_limited", attempts: 1 },
  });
});

test("full jitter: every wait lies between nothing and the doubled cap of 8 s", async () => {
  const waits = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 9, maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(waits, async (randoms) => {
      let drawn = 0;
      const options = watched({ random: () => randoms[drawn++] ?? 0, maxAttempts: 9 });
      await chatWithRetries(failing(Array.from({ length: 9 }, () => failure())), request(), options);
      for (const { attempt, waitMs } of options.notices) {
        expect(waitMs).toBeLessThanOrEqual(Math.min(8_000, 500 * 2 ** (attempt - 1)));
        expect(waitMs).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 50 },
  );
});

test("an abort ends a wait at once, with real timers, and no further try is made", async () => {
  const caller = new AbortController();
  const engine = failing([failure({ retryAfterMs: 50_000 })]);
  const onRetry = () => {
    setTimeout(() => caller.abort(), 20);
    return Promise.resolve();
  };
  const before = performance.now();
  const result = await chatWithRetries(engine, request(), { signal: caller.signal, clock, random: () => 0, onRetry });
  expect(result).toMatchObject({ ok: false, error: { code: "aborted", attempts: 1 } });
  // Long before the 50 s that the server asked for.
  expect(performance.now() - before).toBeLessThan(40_000);
  expect(engine.calls).toBe(1);
});

test("if the notice cannot be written, the call ends with that fault and is not tried again", async () => {
  const engine = failing([failure()]);
  const options = watched({ onRetry: () => Promise.reject(new Error("the log is full")) });
  await expect(chatWithRetries(engine, request(), options)).rejects.toThrow("the log is full");
  expect(engine.calls).toBe(1);
});

test("a real server that recovers is answered after as many tries as it took", async () => {
  mock.reset();
  mock.on("generator", [{ fault: "rate_limited", retryAfterMs: 5 }, { fault: "reset_mid_stream" }, { fault: "empty" }]);
  const options = watched({ clock, random: () => 0.001 });
  const result = await chatWithRetries(engineOn(mock.url), request(), options);
  expect(result).toMatchObject({ ok: true, value: { attempts: 4 } });
  expect(options.notices.map((notice) => notice.code)).toEqual(["rate_limited", "stream_interrupted", "empty_reply"]);
  expect(ok(mock.total)).toEqual(ok(4));
});
