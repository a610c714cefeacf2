"""Which planner turns a policy gradient may be computed from, the same choice that the service's RL views make.

A row counts if its rollout is valid and has an advantage, its token ids come from the engine, and its log-probs are those
of the distribution that was sampled from. Null log-probs are refused whatever the caller asks for, never taken as 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from .dataset import Dataset

Include = Literal["checked", "unchecked"]

SAMPLING_COLUMNS = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
)
RL_COLUMNS = (
    "group_id",
    "task_id",
    "rollout_id",
    "rollout_index",
    "turn_index",
    "num_turns",
    "valid",
    "messages",
    "response_text",
    "prompt_token_ids",
    "response_token_ids",
    "response_logprobs",
    "logprobs_mode",
    "token_source",
    "response_mask",
    "guided",
    "policy_step",
    "reward",
    "advantage",
    "loss_weight",
    *SAMPLING_COLUMNS,
)
# For each processor the values that leave a distribution as it is. What was not sent is not known to be neutral, for a
# server has defaults of its own.
NEUTRAL: dict[str, tuple[float, ...]] = {
    "temperature": (1,),
    "top_p": (1,),
    "top_k": (-1, 0),
    "min_p": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
}


@dataclass
class LeftOut:
    """How many rows were left out, by the first reason that applied."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def reason_to_leave_out(row: dict[str, Any], include: Include = "checked") -> str | None:
    """None for a row that may be trained on."""
    if not row["valid"]:
        return "invalid_rollout"
    if row["advantage"] is None:
        return "no_advantage"
    if row["token_source"] != "engine" or not row["prompt_token_ids"] or row["response_token_ids"] is None:
        return "no_token_ids"
    if not row["response_token_ids"]:
        return "empty_reply"
    if row["response_logprobs"] is None or row["response_mask"] is None or row["loss_weight"] is None:
        return "no_logprobs"
    return _unchecked_reason(row) if include == "checked" else None


def _unchecked_reason(row: dict[str, Any]) -> str | None:
    mode = row["logprobs_mode"]
    if mode == "raw" and not all(row[name] in values for name, values in NEUTRAL.items()):
        return "raw_logprobs"
    if mode not in ("processed", "raw"):
        return "unknown_logprobs"
    if row["temperature"] is None or not row["temperature"] > 0:
        return "no_temperature"
    return "guided" if row["guided"] else None


def rl_rows(dataset: Dataset, include: Include = "checked", left_out: LeftOut | None = None) -> Iterator[dict[str, Any]]:
    """The rows of `turns` to train on, in the dataset's order; the others are counted in `left_out`."""
    for row in dataset.rows("turns", list(RL_COLUMNS)):
        reason = reason_to_leave_out(row, include)
        if reason is None:
            yield row
        elif left_out is not None:
            left_out.counts[reason] += 1


@dataclass(frozen=True)
class Totals:
    """What Eq. 5's fold needs to know of the rows that are trained on."""

    rows: int
    tokens: int
    # Groups with advantages, whether or not a row of theirs was left out.
    groups: int

    def fold(self, advantage: float, loss_weight: float) -> float:
        """A' such that the mean over all tokens of the clipped surrogate with A' is Eq. 5 (without KL)."""
        return advantage * loss_weight * self.tokens / self.groups


def totals_of(dataset: Dataset, include: Include = "checked") -> Totals:
    rows = tokens = 0
    for row in rl_rows(dataset, include):
        rows += 1
        tokens += sum(row["response_mask"])
    groups = sum(1 for row in dataset.rows("groups", ["advantages"]) if row["advantages"])
    return Totals(rows=rows, tokens=tokens, groups=groups)
