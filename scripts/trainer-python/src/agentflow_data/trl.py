"""A dataset as the samples that TRL's AsyncGRPOTrainer trains on, and a worker that hands them to it.

A sample is one planner turn. It carries the dataset's advantage, or with `fold="eq5"` the advantage by which the
trainer's own token mean becomes the paper's Eq. 5. TRL itself is not imported: a sample is told by its fields.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .dataset import Dataset
from .rows import Include, LeftOut, rl_rows, totals_of

Fold = Literal["eq5"]


@dataclass
class RolloutSample:
    """The fields that the trainer reads; `old_log_probs` and `completion_mask` are as long as `input_ids`."""

    prompt: list[dict[str, str]]
    completion: list[dict[str, str]]
    input_ids: list[int]
    completion_mask: list[int]
    old_log_probs: list[float]
    advantage: float
    model_version: int
    group_id: int
    metrics: dict[str, float]


def to_rollout_samples(
    dataset: Dataset, fold: Fold | None = None, include: Include = "checked", left_out: LeftOut | None = None
) -> Iterator[RolloutSample]:
    """Streams the samples. With a fold the dataset is read twice: its totals come first."""
    totals = None if fold is None else totals_of(dataset, include)
    dense: dict[str, int] = {}
    for row in rl_rows(dataset, include, left_out):
        prompt, reply = row["prompt_token_ids"], row["response_token_ids"]
        advantage = row["advantage"]
        yield RolloutSample(
            prompt=row["messages"],
            completion=[{"role": "assistant", "content": row["response_text"]}],
            input_ids=[*prompt, *reply],
            completion_mask=[0] * len(prompt) + row["response_mask"],
            old_log_probs=[0.0] * len(prompt) + row["response_logprobs"],
            advantage=advantage if totals is None else totals.fold(advantage, row["loss_weight"]),
            model_version=row["policy_step"],
            group_id=dense.setdefault(row["group_id"], len(dense)),
            metrics={"reward": row["reward"]},
        )


class DatasetRolloutWorker:
    """Stands where the trainer expects the worker that samples: its buffer holds the dataset, once.

    Set `max_steps` so that training ends with the data; a trainer that asks for more is told so by `check_health`.
    """

    def __init__(self, dataset: Dataset, fold: Fold | None = "eq5", include: Include = "checked") -> None:
        self.left_out = LeftOut()
        self.rollout_buffer: queue.Queue[Any] = queue.Queue()
        self._samples = to_rollout_samples(dataset, fold, include, self.left_out)

    def start(self) -> None:
        for sample in self._samples:
            self.rollout_buffer.put(sample)

    def stop(self) -> None:
        self._samples = iter(())

    def update_model_version(self, version: int) -> None:
        """Nothing is sampled here, so nothing changes."""

    def check_health(self, stale_after_s: float) -> None:
        if self.rollout_buffer.empty():
            raise RuntimeError("every sample of the dataset has been trained on; set max_steps to end here")
