"""The datasets that the tests run against: made by the service's own writer, with the lines of its views beside them.

`npm run test:python` makes them and says where in AGENTFLOW_FIXTURES.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Any

from agentflow_data import Dataset, open_dataset

ROOT = Path(os.environ["AGENTFLOW_FIXTURES"])
NAMES = ("uneven", "odd", "turns")


def dataset(name: str) -> Dataset:
    return open_dataset(ROOT / name)


def view(name: str, view_name: str) -> list[dict[str, Any]]:
    text = (ROOT / f"{name}.views" / f"{view_name}.jsonl").read_text(encoding="utf-8")
    # Not splitlines: a text may hold other line breaks.
    return [json.loads(line) for line in text.split("\n") if line]


def left_out(name: str, view_name: str) -> dict[str, int]:
    return json.loads((ROOT / f"{name}.views" / f"{view_name}.left-out.json").read_text(encoding="utf-8"))


class CopiedDataset(unittest.TestCase):
    """A test that changes files works on a copy."""

    def copy(self, name: str) -> Path:
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        shutil.copytree(ROOT / name, folder / name)
        return folder / name
