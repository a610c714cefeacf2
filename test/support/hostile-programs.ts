// Programs that try to stay, to swallow their stopping, to eat memory or to break the interpreter. Each says how it must
// end under a limit of one second; those with two ends depend on how much the machine does in that time.

import type { SandboxAnswer } from "../../src/tools/python-coder/sandbox-answer.ts";

export interface HostileProgram {
  readonly title: string;
  readonly code: string;
  readonly ends: readonly SandboxAnswer["end"][];
}

const endless: readonly SandboxAnswer["end"][] = ["time_limit"];
const greedy: readonly SandboxAnswer["end"][] = ["memory_limit", "time_limit"];

export const hostilePrograms: readonly HostileProgram[] = [
  { title: "an endless loop", code: "while True: pass", ends: endless },
  {
    title: "a loop that swallows its interrupt",
    code: "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
    ends: endless,
  },
  { title: "an endless sum in C", code: "sum(iter(int, 1))", ends: endless },
  { title: "a list of an endless counter", code: "import itertools\nlist(itertools.count())", ends: greedy },
  { title: "a search in an endless counter", code: "import itertools\n-1 in itertools.count()", ends: endless },
  { title: "the maximum of an endless cycle", code: "import itertools\nmax(itertools.cycle([1]))", ends: endless },
  { title: "a power with a hundred million digits", code: "10**10**8", ends: greedy },
  { title: "a power beyond all memory", code: "10**10**10", ends: greedy },
  { title: "a huge factorial", code: "import math\nmath.factorial(10**8)", ends: greedy },
  { title: "a regular expression that backtracks", code: 'import re\nre.match(r"(a+)+$", "a"*40+"b")', ends: endless },
  {
    title: "a square root to ten million digits",
    code: "import decimal\ndecimal.getcontext().prec=10**7\ndecimal.Decimal(2).sqrt()",
    ends: greedy,
  },
  { title: "a long sleep", code: "import time\ntime.sleep(1e6)", ends: endless },
  {
    title: "a long sleep of a coroutine",
    code: "import asyncio\nasync def m(): await asyncio.sleep(1e6)\nasyncio.run(m())",
    ends: endless,
  },
  { title: "a future that never comes", code: "import asyncio\nawait asyncio.Future()", ends: endless },
  {
    title: "recursion without its limit",
    code: "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n+1)\nf(0)",
    ends: ["raised", "crashed", "memory_limit", "time_limit"],
  },
  { title: "plain recursion", code: "def f(): return f()\nf()", ends: ["raised"] },
  { title: "a list of a billion", code: "[0]*10**9", ends: ["memory_limit"] },
  { title: "a list of ten million numbers", code: "len(list(range(10**7)))", ends: ["memory_limit"] },
  { title: "endless allocation", code: "x=[]\nwhile True: x.append(bytearray(10**6))", ends: ["memory_limit"] },
  { title: "endless printing", code: 'while True: print("spam"*100)', ends: ["output_limit", "time_limit"] },
  {
    title: "endless printing that swallows its interrupt",
    code: 'while True:\n  try:\n    while True: print("spam"*1000)\n  except BaseException: pass',
    ends: ["output_limit", "time_limit"],
  },
  { title: "a doubling string", code: 'a="a"\nwhile True: a+=a', ends: ["memory_limit"] },
  {
    title: "a hundred megabytes unpacked",
    code: "import zlib\nzlib.decompress(zlib.compress(bytes(5*10**7))*3)[:3]",
    ends: ["completed", "raised", "memory_limit", "time_limit"],
  },
  { title: "a sort of ten million", code: "sorted(range(10**7), key=lambda x: -x)[0]", ends: greedy },
  { title: "a dictionary of a hundred million", code: "{i: i for i in range(10**8)}", ends: greedy },
  {
    title: "a comparison that never ends",
    code: "class A:\n  def __eq__(s,o):\n    while True: pass\n  __hash__=object.__hash__\nA()==A()",
    ends: endless,
  },
  { title: "source nested too deeply", code: 'exec("("*5000+")"*5000)', ends: ["raised", "memory_limit", "crashed"] },
  {
    title: "a destructor that never ends",
    code: 'class A:\n  def __del__(s):\n    while True: pass\na=A(); del a; print("x")',
    ends: endless,
  },
  {
    title: "interrupts turned off",
    code: "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    ends: endless,
  },
  {
    title: "the repr of a million nested lists",
    code: "x=None\nfor i in range(10**6): x=[x]\nprint(repr(x)[:3])",
    ends: ["raised", "crashed", "memory_limit", "time_limit"],
  },
  { title: "a busy event loop", code: "import asyncio\nwhile True: await asyncio.sleep(0)", ends: endless },
  {
    title: "a task left behind",
    code: "import asyncio\nasync def b():\n  while True: await asyncio.sleep(0)\nt=asyncio.ensure_future(b()); 1",
    ends: ["completed"],
  },
  {
    title: "a task left behind that will not be cancelled",
    code: "import asyncio\nasync def b():\n  while True:\n    try: await asyncio.sleep(0)\n    except BaseException: pass\nt=asyncio.ensure_future(b())\nawait asyncio.sleep(0.01)",
    ends: ["completed"],
  },
  {
    title: "a callback left behind that never ends",
    code: "import asyncio\ndef f():\n  while True: pass\nasyncio.get_event_loop().call_soon(f); 1",
    ends: ["completed"],
  },
  {
    title: "a callback left behind for later that never ends",
    code: "import asyncio\ndef f():\n  while True: pass\nasyncio.get_event_loop().call_later(0, f)\nasyncio.get_event_loop().call_later(0.01, f); 1",
    ends: ["completed"],
  },
  {
    title: "a callback left behind that calls itself",
    code: "import asyncio\nloop=asyncio.get_event_loop()\ndef f(): loop.call_soon(f)\nf()",
    ends: ["completed"],
  },
  {
    title: "a chain of promises left behind with an end that never comes",
    code: "from pyodide_js._api import config\nimport asyncio\nclass T:\n  def done(s):\n    while True: pass\nasyncio.get_event_loop().create_future=T\nA=config.packages.constructor\nA.fromAsync(A(1000)); 1",
    ends: endless,
  },
  {
    title: "an interval of JavaScript's",
    code: "from pyodide_js._api import config\ndef f():\n  while True: pass\nconfig.jsglobals.setInterval(f, 0)",
    ends: ["raised"],
  },
  {
    title: "a sleep left behind that will not be cancelled",
    code: "import asyncio, time\nasync def nap():\n  while True:\n    try: time.sleep(1e6)\n    except BaseException: pass\nt=asyncio.ensure_future(nap())\nawait asyncio.sleep(0.01)",
    ends: ["completed"],
  },
  { title: "the process's exit", code: "import os\nos._exit(1)", ends: ["crashed"] },
  { title: "abort", code: "import os\nos.abort()", ends: ["crashed"] },
  { title: "a wild pointer", code: "import ctypes\nctypes.string_at(2**31)", ends: ["crashed", "raised"] },
  {
    title: "memory filled over and over",
    code: "while True: bytes(4*10**7)",
    ends: endless,
  },
  { title: "memory copied over and over", code: "a=bytes(3*10**7)\nwhile True: bytearray(a)", ends: greedy },
  {
    title: "files without end",
    code: 'i=0\nwhile True:\n  i+=1\n  with open(f"/tmp/{i}","w") as f: f.write("x")',
    ends: ["raised", "time_limit"],
  },
  { title: "one file without end", code: 'f=open("/tmp/f","wb")\nwhile True: f.write(bytes(10**6))', ends: ["raised"] },
  {
    title: "a file rewritten without end",
    code: 'f=open("/tmp/f","wb")\nwhile True:\n  f.seek(0)\n  f.write(bytes(10**7))',
    ends: endless,
  },
  { title: "a sparse file", code: 'f=open("/tmp/f","wb")\nf.truncate(10**9)', ends: ["raised"] },
  {
    title: "a pipe without a reader",
    code: "import os\nr,w=os.pipe()\nwhile True: os.write(w, bytes(10**6))",
    ends: ["raised", "time_limit"],
  },
  {
    title: "directories without end",
    code: 'import os\ni=0\nwhile True:\n  i+=1\n  os.mkdir(f"/tmp/d{i}")',
    ends: ["raised", "time_limit"],
  },
  {
    title: "a sabotaged standard library",
    code: "import json, traceback, sys, builtins, asyncio\njson.dumps=None\ntraceback.format_exception=None\nasyncio.all_tasks=None\nbuiltins.repr=None\nbuiltins.len=None\nsys.stdout=None\n1/0",
    ends: ["crashed", "raised"],
  },
  { title: "threads", code: "import threading\nthreading.Thread(target=print).start()", ends: ["raised"] },
  { title: "a fork", code: "import os\nos.fork()", ends: ["raised"] },
  {
    title: "JavaScript's prototypes broken",
    code: "import pyodide.webloop\npyodide.webloop.scheduleCallback.constructor.prototype.call = None",
    ends: ["completed", "crashed"],
  },
  {
    title: "JavaScript by another import",
    code: "import sys\ndel sys.modules['js']\nimport js",
    ends: ["raised"],
  },
  {
    title: "JavaScript's heap by conversion",
    code: "from pyodide.ffi import to_js\nx=[]\nwhile True: x.append(to_js([0]*10**6))",
    ends: ["raised"],
  },
];
