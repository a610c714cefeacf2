"""The Python side of the runner: runs the programs of one run, one after another, in one namespace.

It is executed in a module of its own, so that a program's __main__ holds nothing but the program's names. What it
needs it takes by reference now, because programs may change the modules of the standard library.
"""

import ast
import asyncio
import builtins
import inspect
import json
import linecache
import random
import sys
import traceback
import types

import pyodide.webloop
from pyodide.ffi import run_sync as _wait_for

# No bridge to JavaScript by import. This is tidiness, not the boundary: that is the isolate without a network.
for _name in ("js", "pyodide_js", "_pyodide_core", "pyodide.ffi", "pyodide.ffi.wrappers", "pyodide.code", "pyodide.http"):
    sys.modules[_name] = None
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "JsFinder"]
for _attribute in ("ffi", "code", "http"):
    if hasattr(sys.modules["pyodide"], _attribute):
        delattr(sys.modules["pyodide"], _attribute)

sys.set_int_max_str_digits(0)  # metering bounds the work; a long factorial is a fair question
sys.stdout.reconfigure(line_buffering=True)
sys.stderr.reconfigure(line_buffering=True)

_TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_MAX_VALUE = 16_384
_MAX_TRACEBACK = 4_000
_dumps, _repr, _str = json.dumps, builtins.repr, builtins.str
_all_tasks, _event_loop, _sleep = asyncio.all_tasks, asyncio.get_event_loop, asyncio.sleep

_run = {"namespace": None}  # kept here, since programs may replace sys.modules["__main__"]


def begin_run(run_id):
    """Fresh names for a run. The seed makes programs that run again after a crash draw the same numbers."""
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    _run["namespace"] = main.__dict__
    random.seed(run_id)


def _compile(source, filename):
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    tree, last = ast.parse(source, filename), None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
        last = compile(last, filename, "eval", flags=_TOP_LEVEL_AWAIT)
    return compile(tree, filename, "exec", flags=_TOP_LEVEL_AWAIT), last


def _evaluate(code, namespace):
    value = eval(code, namespace)
    # Only top-level await needs the event loop, whose timers cost some milliseconds.
    return _wait_for(value) if code.co_flags & inspect.CO_COROUTINE else value


def _traceback(error, filename):
    if isinstance(error, SyntaxError) and error.filename == filename:
        text = "".join(traceback.format_exception_only(error))
    else:
        first = error.__traceback__
        while first and not first.tb_frame.f_code.co_filename.startswith("program_"):
            first = first.tb_next
        text = "".join(traceback.format_exception(type(error), error, first, limit=-12))
    return text if len(text) <= _MAX_TRACEBACK else "[...]" + text[-_MAX_TRACEBACK:]


def _end_background_tasks():
    left = _all_tasks(_event_loop())
    for task in left:
        task.cancel()
    if left:
        _wait_for(_sleep(0))


def run_program(source, number):
    """Answers with JSON: how it ended, the repr of the last expression's value, and the traceback."""
    filename = f"program_{number}.py"
    end, value, trace = "completed", None, None
    try:
        body, last = _compile(source, filename)
        namespace = _run["namespace"]
        _evaluate(body, namespace)
        if last is not None:
            value = _evaluate(last, namespace)
            value = None if value is None else _repr(value)
        _end_background_tasks()
    except SystemExit as error:
        if error.code not in (None, 0):
            end, trace = "raised", f"SystemExit: {error.code}"
    except MemoryError as error:
        end, trace = "memory_limit", _traceback(error, filename)
    except BaseException as error:
        end, trace = "raised", _traceback(error, filename)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass  # the program closed or replaced them; what it printed has been written
    cut = value is not None and len(value) > _MAX_VALUE
    value = value[:_MAX_VALUE] if cut else value
    return _dumps({"end": end, "value": value, "traceback": trace, "cut": cut})
