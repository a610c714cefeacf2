"""The name of the rule that made the advantages, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .dataset import DatasetError

_FORM = re.compile(r"grpo/(trajectory|turn)/std=(n-1|n|none)/eps=(\d[\d.e-]*)")


@dataclass(frozen=True)
class AdvantageSpec:
    over: Literal["trajectory", "turn"]
    std: Literal["n-1", "n", "none"]
    eps: float

    @staticmethod
    def parse(text: str) -> AdvantageSpec:
        found = _FORM.fullmatch(text)
        if found is None:
            raise DatasetError(f"not an advantage spec: {text!r}")
        over = "trajectory" if found[1] == "trajectory" else "turn"
        std = "n-1" if found[2] == "n-1" else "n" if found[2] == "n" else "none"
        return AdvantageSpec(over=over, std=std, eps=float(found[3]))
