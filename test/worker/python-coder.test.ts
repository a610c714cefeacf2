import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { SandboxPool } from "../../durable-objects/sandbox-pool.ts";
import { createPythonSandbox } from "../support/python-runs.ts";

const python = createPythonSandbox(env, "python-coder");

describe("ordinary programs", () => {
  const programs: readonly (readonly [title: string, code: string, stdout: string, value: string | null])[] = [
    ["an expression", "1 + 1", "", "2"],
    ["a statement", "x = 5", "", null],
    ["print and a value", 'print("a", 1)\n"b"', "a 1\n", "'b'"],
    ["a last expression that is None", "print(3)", "3\n", null],
    ["stderr among stdout", 'import sys\nprint("a")\nprint("b", file=sys.stderr)\nprint("c", end="")', "a\nb\nc", null],
    ["itertools", "from itertools import permutations\nlen(list(permutations(range(7))))", "", "5040"],
    ["fractions", "from fractions import Fraction\nFraction(1, 3) + Fraction(1, 6)", "", "Fraction(1, 2)"],
    ["decimal", 'from decimal import Decimal\nDecimal("0.1") + Decimal("0.2")', "", "Decimal('0.3')"],
    ["statistics", "import statistics\nstatistics.median([3, 1, 2])", "", "2"],
    ["re", 'import re\nre.findall(r"\\d+", "a1b22")', "", "['1', '22']"],
    ["json", 'import json\njson.dumps({"a": [1, None, True]})', "", "'{\"a\": [1, null, true]}'"],
    ["datetime", "import datetime\nstr(datetime.date(2024, 2, 29) + datetime.timedelta(365))", "", "'2025-02-28'"],
    ["dataclasses", "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nP(3)", "", "P(x=3)"],
    ["pickle of an own class", "import pickle\nclass A: pass\ntype(pickle.loads(pickle.dumps(A()))) is A", "", "True"],
    ["text beyond ASCII", 'print("é\\U0001F600")', "é\u{1F600}\n", null],
    ["a file", 'open("a.txt", "w").write("hi")\nopen("a.txt").read()', "", "'hi'"],
    ["sqlite", 'import sqlite3\nsqlite3.connect(":memory:").execute("select 6 * 7").fetchone()', "", "(42,)"],
    ["a long integer", "10**5000 % 10**5", "", "0"],
    ["a number of more than 4300 digits", "len(str(7**6000))", "", "5071"],
    ["asyncio.run", "import asyncio\nasync def f(): await asyncio.sleep(0.01); return 3\nasyncio.run(f())", "", "3"],
    ["await at the top", "import asyncio\nawait asyncio.sleep(0.01, 4)", "", "4"],
    [
      "asyncio.gather",
      "import asyncio\nasync def f(i): return i\nasync def m(): return await asyncio.gather(f(1), f(2))\nasyncio.run(m())",
      "",
      "[1, 2]",
    ],
    ["__main__", 'if __name__ == "__main__":\n  print("main")', "main\n", null],
    ["sys.exit without a status", 'import sys\nprint("a")\nsys.exit()', "a\n", null],
  ];

  test.each(programs)("%s", async (_title, code, stdout, value) => {
    expect(await python.run({ code })).toMatchObject({ end: "completed", stdout, value, traceback: null, cut: false });
  });
});

describe("programs that raise", () => {
  test("show their own frames, with source lines, and what they printed before", async () => {
    const answer = await python.run({ code: 'def g(n):\n    return 1/n\nprint("before")\ng(0)' });
    expect(answer).toMatchObject({ end: "raised", stdout: "before\n", value: null });
    expect(answer.traceback).toBe(
      [
        "Traceback (most recent call last):",
        '  File "program_1.py", line 4, in <module>',
        "    g(0)",
        "    ~^^^",
        '  File "program_1.py", line 2, in g',
        "    return 1/n",
        "           ~^~",
        "ZeroDivisionError: division by zero",
        "",
      ].join("\n"),
    );
  });

  test.each([
    ["a syntax error", "x = 1 +", "SyntaxError: invalid syntax"],
    ["a status of sys.exit", "import sys\nsys.exit(3)", "SystemExit: 3"],
    ["input without anybody there", 'input("?")', "EOFError"],
    ["an interrupt of its own", "raise KeyboardInterrupt", "KeyboardInterrupt"],
    ["a package that is not there", "import numpy", "ModuleNotFoundError: No module named 'numpy'"],
  ])("%s", async (_title, code, lastLine) => {
    const answer = await python.run({ code });
    expect(answer.end).toBe("raised");
    expect(answer.traceback?.trimEnd().split("\n").at(-1)).toContain(lastLine);
  });
});

describe("the network", () => {
  test.each([
    ["urllib", 'import urllib.request\nurllib.request.urlopen("http://example.com")'],
    ["a socket", 'import socket\nsocket.create_connection(("93.184.216.34", 80), 1)'],
    ["pyfetch", 'from pyodide.http import pyfetch\nawait pyfetch("https://example.com")'],
    ["the js module", 'import js\nawait js.fetch("https://example.com")'],
    ["the loader's JavaScript", "import pyodide_js\npyodide_js.loadPackage"],
  ])("is out of reach of %s", async (_title, code) => {
    expect((await python.run({ code })).end).toBe("raised");
  });
});

describe("output", () => {
  test("beyond 64 KB is cut", async () => {
    const answer = await python.run({ code: 'print("x" * 100_000)' });
    expect(answer).toMatchObject({ end: "completed", cut: true, stdout: "x".repeat(65_536) });
  });

  test("of a long value is cut", async () => {
    const answer = await python.run({ code: '"x" * 100_000' });
    expect(answer).toMatchObject({ end: "completed", cut: true, value: `'${"x".repeat(16_383)}` });
  });
});

describe("a run", () => {
  /** Runs programs of one run one after another, as the loop does: only those that ended well become earlier ones. */
  async function runAll(runId: string, codes: readonly string[]) {
    const earlierCode: string[] = [];
    const answers = [];
    for (const code of codes) {
      const answer = await python.run({ runId, code, earlierCode: [...earlierCode] });
      answers.push(answer);
      if (answer.end === "completed") {
        earlierCode.push(code);
      }
    }
    return answers;
  }

  test("carries variables, functions and files over its programs, without a boot between them", async () => {
    const [, second, third] = await runAll("carry", [
      'x = 5\ndef double(n): return 2 * n\nopen("f", "w").write("kept")\nNone',
      "x = double(x)",
      'x, open("f").read()',
    ]);
    expect(second).toMatchObject({ end: "completed", bootMs: 0, replayed: 0 });
    expect(third).toMatchObject({ value: "(10, 'kept')", bootMs: 0, replayed: 0 });
  });

  test("does not see another run's variables, modules or files", async () => {
    await runAll("first", ['secret = 1\nimport math\nmath.pi = 3\nopen("s", "w").write("s")']);
    const answer = await python.run({
      runId: "second",
      code: 'import math, os\n"secret" in globals(), math.pi, os.path.exists("s")',
    });
    expect(answer.value).toBe("(False, 3.141592653589793, False)");
  });

  test("that lost its interpreter to another finds its variables again", async () => {
    await python.run({ runId: "mine", code: 'print("printed once")\nx = [1]' });
    await python.takeAllInterpreters();
    const answer = await python.run({
      runId: "mine",
      code: "x.append(2)\nx",
      earlierCode: ['print("printed once")\nx = [1]'],
    });
    expect(answer).toMatchObject({ value: "[1, 2]", stdout: "", replayed: 1 });
  });

  test("draws the same random numbers when it runs again", async () => {
    const code = "import random\nx = random.random()";
    await python.run({ runId: "dice", code });
    const before = await python.run({ runId: "dice", code: "x", earlierCode: [code] });
    await python.takeAllInterpreters();
    const after = await python.run({ runId: "dice", code: "x", earlierCode: [code] });
    expect(after.replayed).toBe(1);
    expect(after.value).toBe(before.value);
  });

  test("sees nothing of its programs that failed", async () => {
    const [, , third] = await runAll("failed", ["x = 1", "x = 2\n1/0", "x"]);
    expect(third?.value).toBe("1");
  });

  test("runs a call again without its first effects when the log never heard of it", async () => {
    await python.run({ runId: "again", code: "x = 1" });
    const call = { runId: "again", code: "x += 1\nx", earlierCode: ["x = 1"] };
    expect((await python.run(call)).value).toBe("2");
    expect((await python.run(call)).value).toBe("2");
  });

  test("survives the eviction of its pool", async () => {
    await python.run({ runId: "evicted", code: "x = 7" });
    await evictDurableObject(python.pool);
    expect((await python.run({ runId: "evicted", code: "x", earlierCode: ["x = 7"] })).value).toBe("7");
  });

  test.each([
    ["callbacks", "loop.call_soon(log.append, 1)\nloop.call_later(0.01, log.append, 2)"],
    [
      "a part of it that waits for a timer",
      "loop.call_soon(wait)\nawait asyncio.sleep(0.01)\nloop.call_later(0.001, future.set_result, 0)",
    ],
    ["a part of it that waits for what a later one does", "loop.call_soon(wait)\nawait asyncio.sleep(0.01)"],
  ])("is left alone by what an earlier program left behind: %s", async (title, left) => {
    const earlier = [
      "import asyncio",
      "from pyodide.webloop import run_sync",
      "log = []",
      "loop = asyncio.get_event_loop()",
      "future = loop.create_future()",
      "def wait(): log.append(run_sync(future))",
      left,
    ].join("\n");
    const later = "future.done() or future.set_result(0)\nawait asyncio.sleep(0.1)\nlog.append('later')\nlog";
    const runId = `left: ${title}`;
    expect((await python.run({ runId, code: earlier })).end).toBe("completed");
    const kept = await python.run({ runId, code: later, earlierCode: [earlier] });
    expect(kept).toMatchObject({ value: "['later']", replayed: 0 });
    await python.takeAllInterpreters();
    const lost = await python.run({ runId, code: later, earlierCode: [earlier] });
    expect(lost).toMatchObject({ value: "['later']", replayed: 1 });
  });

  test("keeps the line numbers of functions from earlier programs", async () => {
    const [, failed] = await runAll("lines", ["\n\ndef f(): return 1/0", "f()"]);
    expect(failed?.traceback).toContain('File "program_1.py", line 3, in f');
    expect(failed?.traceback).toContain('File "program_2.py", line 1, in <module>');
  });

  test("is told when its earlier programs no longer fit their own limit, which is not the new one's doing", async () => {
    const earlierCode = ["import time\nfor _ in range(300): time.sleep(0.1)"];
    const limits = { timeMs: 60_000, waitMs: 200, maxFuel: 1e6 };
    const answer = await python.run({ runId: "slow", code: "1", earlierCode, limits });
    expect(answer).toMatchObject({
      end: "replay_limit",
      detail: "while the run's earlier programs ran again: they waited for more than 0.8 s",
    });
  });

  test("is told when its earlier programs compute more than all of theirs may", async () => {
    const limits = { timeMs: 60_000, waitMs: 60_000, maxFuel: 10 };
    const answer = await python.run({ runId: "heavy", code: "1", earlierCode: ["while True: pass"], limits });
    expect(answer).toMatchObject({
      end: "time_limit",
      detail: "while the run's earlier programs ran again: time_limit",
    });
  });

  test("of our own may take over an interpreter with fresh variables", async () => {
    await python.run({ runId: "own-1", code: "x = 1", isolation: "namespace" });
    const answer = await python.run({ runId: "own-2", code: '"x" in globals()', isolation: "namespace" });
    expect(answer).toMatchObject({ value: "False" });
  });
});

describe("the pool", () => {
  test("serves more runs at once than it has interpreters, each with its own variables", async () => {
    const runs = ["a", "b", "c", "d", "e", "f"];
    const answers = await Promise.all(runs.map((name) => python.run({ runId: name, code: `x = "${name}"\nx` })));
    expect(answers.map((answer) => answer.value)).toEqual(runs.map((name) => `'${name}'`));
  });

  test("gives up a call that is aborted while it waits", async () => {
    const patience = new AbortController();
    const busy = ["1", "2", "3", "4"].map((name) => python.run({ runId: name, code: "import time\ntime.sleep(0.3)" }));
    const waiting = python.tryRun({ runId: "5", code: "1" }, patience.signal);
    patience.abort();
    expect(await waiting).toMatchObject({ ok: false, error: { code: "aborted" } });
    expect((await Promise.all(busy)).map((answer) => answer.end)).toEqual(busy.map(() => "completed"));
  });

  test("serves a call in its turn whose caller can no longer be told of the queue", async () => {
    const limits = { timeMs: 60_000, waitMs: 60_000, maxFuel: 1e6 };
    const job = { code: "1 + 1", earlierCode: [], limits, replayLimits: limits, isolation: "interpreter" } as const;
    const told: string[] = [];
    const replies = await runInDurableObject(createPythonSandbox(env, "deaf").pool, (pool) =>
      Promise.all(
        ["1", "2", "3", "4", "5"].map((name) =>
          pool.run({ ...job, ticket: name, runId: name }, (now) => {
            told.push(now);
            throw new Error("nobody listens");
          }),
        ),
      ),
    );
    expect(told).toEqual(["waits", "served"]);
    expect(replies.map((reply) => reply.ok && reply.value.value)).toEqual(["2", "2", "2", "2", "2"]);
  });

  test("starts no program whose caller left while the pool was getting ready", async () => {
    const other = createPythonSandbox(env, "left-early");
    const limits = { timeMs: 60_000, waitMs: 60_000, maxFuel: 1e6 };
    const job = { ticket: "t", runId: "1", code: "1", earlierCode: [], limits, replayLimits: limits };
    const reply = await runInDurableObject(other.pool, async (pool) => {
      const answer = pool.run({ ...job, isolation: "interpreter" }, () => undefined);
      await pool.withdraw("t");
      return await answer;
    });
    expect(reply).toMatchObject({ ok: false, error: { code: "aborted" } });
  });

  test("takes a machine that gives no answer in time for too slow, not the program for crashed", async () => {
    // Less than no time is left for an answer, so that the pool gives up while the interpreter is not even there.
    const limits = { timeMs: 60_000, waitMs: -3_600_000, maxFuel: 1e6 };
    const reply = await createPythonSandbox(env, "impatient").tryRun(
      { code: "1", limits },
      new AbortController().signal,
    );
    expect(reply).toMatchObject({ ok: false, error: { code: "sandbox_overloaded" } });
  });

  test.each([
    ["cannot start", 'throw new Error("no memory for it");'],
    ["can make no interpreter", 'export default { fetch: () => new Response("no memory for it", { status: 503 }) };'],
  ])("blames no program when not even a fresh isolate can run it, because it %s", async (title, runner) => {
    const names: string[] = [];
    const broken = {
      load: (code: WorkerLoaderWorkerCode) => env.LOADER.load(code),
      get: (name: string | null, getCode: () => WorkerLoaderWorkerCode | Promise<WorkerLoaderWorkerCode>) => {
        names.push(String(name));
        return env.LOADER.get(`${String(name)}-${title}`, async () => {
          const code = await getCode();
          return { ...code, modules: { ...code.modules, [code.mainModule]: { js: runner } } };
        });
      },
    };
    const limits = { timeMs: 60_000, waitMs: 60_000, maxFuel: 1e6 };
    const job = { ticket: "t", runId: "1", code: "1", earlierCode: [], limits, replayLimits: limits };
    const stub = createPythonSandbox(env, `broken: ${title}`).pool;
    const reply = await runInDurableObject(stub, (_, state) =>
      new SandboxPool(state, { ...env, LOADER: broken }).run({ ...job, isolation: "interpreter" }, () => undefined),
    );
    expect(reply).toMatchObject({ ok: false, error: { code: "sandbox_unavailable" } });
    expect(names.map((name) => name.slice(-4))).toEqual(["-0-0", "-0-1"]);
  });

  test("never again trusts an isolate that gave no answer, not even after its own eviction", async () => {
    const other = createPythonSandbox(env, "given-up");
    const seen = await other.run({ runId: "a", code: "x = 1" });
    // What is no list of programs makes the runner fail, and it answers nothing.
    const program = Object.assign({ runId: "a", code: "1", earlierCode: [] }, { earlierCode: { length: 1 } });
    const signal = new AbortController().signal;
    expect(await other.tryRun(program, signal)).toMatchObject({ ok: false, error: { code: "sandbox_crashed" } });
    await evictDurableObject(other.pool);
    const stored = await runInDurableObject(other.pool, (_, state) => state.storage.kv.get("generations"));
    expect(stored).toEqual([1, 0, 0, 0]);
    const again = await other.run({ runId: "a", code: "x", earlierCode: ["x = 1"] });
    expect([seen.replayed, again.replayed, again.value]).toEqual([0, 1, "1"]);
    expect(again.bootMs).toBeGreaterThan(0);
  });

  test("keeps tenants apart", async () => {
    await python.run({ runId: "same", code: "x = 1" });
    const other = createPythonSandbox(env, "another-tenant");
    expect((await other.run({ runId: "same", code: '"x" in globals()' })).value).toBe("False");
  });

  test("says that it is unavailable when its object cannot be reached", async () => {
    const broken = createPythonSandbox(
      {
        SANDBOX: new Proxy(env.SANDBOX, {
          get: (target, name) =>
            name === "getByName" ? () => ({ run: () => Promise.reject(new Error("gone")) }) : Reflect.get(target, name),
        }),
      },
      "broken",
    );
    expect(await broken.tryRun({ code: "1" }, new AbortController().signal)).toMatchObject({
      ok: false,
      error: { code: "sandbox_unavailable", detail: "gone" },
    });
  });
});
