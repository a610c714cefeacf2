// A program that computes lets others run. What these programs need never ends by itself, or would be wrong, if it did
// not; nothing here measures how long anything takes.

import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { createPythonSandbox } from "../support/python-runs.ts";

// A machine with little time to spare boots an interpreter in half a minute.
vi.setConfig({ testTimeout: 600_000 });

const python = createPythonSandbox(env, "pauses");
const endless = { timeMs: 3_600_000, waitMs: 3_600_000, maxFuel: 1e9 };
const nobody = new AbortController().signal;

describe("while a program computes", () => {
  test.each([
    ["in Python", "while True: pass"],
    ["in C", "sum(iter(int, 1))"],
    ["in a call from C to Python", "sorted(range(10**6), key=lambda n: sum(range(n)))"],
  ])("%s, others are served, and a cancel ends it", async (title, code) => {
    const patience = new AbortController();
    const computing = python.tryRun({ runId: title, code, limits: endless }, patience.signal);
    expect((await python.run({ code: "1 + 1" })).value).toBe("2");
    patience.abort();
    expect(await computing).toMatchObject({ ok: false, error: { code: "aborted" } });
    // The run's own interpreter is free only when its program has ended.
    expect(await python.tryRun({ runId: title, code: "2" }, nobody)).toMatchObject({ ok: true, value: { value: "2" } });
  });

  test.each([
    [
      "after a wait that was refused",
      [
        "import asyncio",
        "import pyodide.webloop as loop",
        "def refused():",
        "  try: asyncio.run(asyncio.sleep(0))",
        "  except RuntimeError: pass",
        "loop.create_once_callable(refused)()",
        "while True: pass",
      ],
    ],
    [
      "after a wait that failed",
      [
        "import asyncio",
        "try: await asyncio.wait_for(asyncio.Future(), 0.01)",
        "except TimeoutError: pass",
        "while True: pass",
      ],
    ],
  ])("%s, others are served all the same", async (title, lines) => {
    const patience = new AbortController();
    const computing = python.tryRun({ runId: title, code: lines.join("\n"), limits: endless }, patience.signal);
    expect((await python.run({ code: "1 + 1" })).value).toBe("2");
    patience.abort();
    expect(await computing).toMatchObject({ ok: false, error: { code: "aborted" } });
  });

  test.each([
    [
      "for a future that never comes",
      "import asyncio, pyodide.webloop as w\nloop = asyncio.get_event_loop()\nloop.call_soon(w.run_sync, loop.create_future())\nawait asyncio.sleep(0.01)",
    ],
    [
      "and will not be woken",
      "import asyncio, time\nasync def nap():\n  while True:\n    try: time.sleep(1e6)\n    except BaseException: pass\ntask = asyncio.ensure_future(nap())\nawait asyncio.sleep(0.01)",
    ],
  ])(
    "after an earlier program a part of which still waits %s, others are served all the same",
    async (title, earlier) => {
      const runId = `waits ${title}`;
      expect((await python.run({ runId, code: earlier })).end).toBe("completed");
      const patience = new AbortController();
      const program = { runId, earlierCode: [earlier], code: "while True: pass", limits: endless };
      const computing = python.tryRun(program, patience.signal);
      expect((await python.run({ code: "1 + 1" })).value).toBe("2");
      patience.abort();
      expect(await computing).toMatchObject({ ok: false, error: { code: "aborted" } });
    },
  );

  test("its own timers wait until it waits itself", async () => {
    const code = [
      "import asyncio",
      "ticks = []",
      "async def tick():",
      "  while True:",
      "    ticks.append(1)",
      "    await asyncio.sleep(0)",
      "task = asyncio.ensure_future(tick())",
      "await asyncio.sleep(0.01)",
      "before = len(ticks)",
      "for n in range(5_000_000): pass",
      "after = len(ticks)",
      "await asyncio.sleep(0.01)",
      "before > 0, after == before, len(ticks) > after",
    ];
    expect((await python.run({ code: code.join("\n") })).value).toBe("(True, True, True)");
  });

  test("below JavaScript's frames it goes on without a pause", async () => {
    const code = [
      "import pyodide.webloop as loop",
      "def count():",
      "  n = 0",
      "  for _ in range(5_000_000): n += 1",
      "  return n",
      "loop.create_once_callable(count)()",
    ];
    expect((await python.run({ code: code.join("\n") })).value).toBe("5000000");
  });

  test("in a coroutine it goes on without a pause", async () => {
    const code = [
      "import asyncio",
      "async def count():",
      "  n = 0",
      "  for _ in range(5_000_000): n += 1",
      "  await asyncio.sleep(0)",
      "  return n",
      "asyncio.run(count()), await count()",
    ];
    expect((await python.run({ code: code.join("\n") })).value).toBe("(5000000, 5000000)");
  });
});

test("a program that waits is ended by a cancel", async () => {
  const patience = new AbortController();
  const waiting = python.tryRun(
    { runId: "waits", code: "await __import__('asyncio').Future()", limits: endless },
    patience.signal,
  );
  expect((await python.run({ code: "1 + 1" })).value).toBe("2");
  patience.abort();
  expect(await waiting).toMatchObject({ ok: false, error: { code: "aborted" } });
  expect(await python.tryRun({ runId: "waits", code: "2" }, nobody)).toMatchObject({ ok: true, value: { value: "2" } });
});
