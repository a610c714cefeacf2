"""A dataset as the samples that TRL's AsyncGRPOTrainer trains on, and a worker that hands them to it.

A sample is one planner turn. It carries the dataset's advantage, or with `fold="eq5"` the advantage by which the
trainer's own token mean becomes the paper's Eq. 5. TRL itself is not imported: a sample is told by its fields.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .dataset import Dataset
from .rows import Include, LeftOut, rl_rows, totals_of

Fold = Literal["eq5"]


@dataclass
class RolloutSample:
    """The fields that the trainer reads; `old_log_probs` and `completion_mask` are as long as `input_ids`.

    Arrays, as TRL has them now; where it had lists (up to 1.10 at least) it only iterates over them.
    """

    prompt: list[dict[str, str]]
    completion: list[dict[str, str]]
    input_ids: np.ndarray
    completion_mask: np.ndarray
    old_log_probs: np.ndarray
    advantage: float
    model_version: int
    group_id: int
    metrics: dict[str, float]
    # When it came into the queue. Nothing is told by that here: the whole dataset comes at once.
    enqueued_at: float | None = None


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
            input_ids=np.array([*prompt, *reply], dtype=np.int64),
            completion_mask=np.array([0] * len(prompt) + row["response_mask"], dtype=np.int64),
            old_log_probs=np.array([0.0] * len(prompt) + row["response_logprobs"], dtype=np.float32),
            advantage=advantage if totals is None else totals.fold(advantage, row["loss_weight"]),
            model_version=row["policy_step"],
            group_id=dense.setdefault(row["group_id"], len(dense)),
            metrics={"reward": row["reward"]},
        )


class DatasetRolloutWorker:
    """Stands where the trainer expects the worker that samples: its buffer holds the dataset `passes` times, and once
    more for the micro-batch that accelerate fetches before the trainer has trained on the one at hand.

    Set `max_steps` so that training ends with the data: it is the trainer that stops. One that asks for more than there
    is is told so by `check_health`.
    """

    def __init__(
        self, dataset: Dataset, fold: Fold | None = "eq5", include: Include = "checked", *, passes: int = 1
    ) -> None:
        self.left_out = LeftOut()
        self.rollout_buffer: queue.Queue[Any] = queue.Queue()
        # The trainer drains it when it logs; nothing is measured here.
        self.metrics_queue: queue.Queue[Any] = queue.Queue()
        self._passes = passes
        self._samples = to_rollout_samples(dataset, fold, include, self.left_out)

    def start(self) -> None:
        samples = list(self._samples)
        for _ in range(self._passes + 1):
            for sample in samples:
                self.rollout_buffer.put(sample)

    def stop(self) -> None:
        self._samples = iter(())

    def update_model_version(self, version: int) -> None:
        """Nothing is sampled here, so nothing changes."""

    def check_health(self, stale_after_s: float) -> None:
        if self.rollout_buffer.empty():
            raise RuntimeError("every sample of the dataset has been handed out; set max_steps to end with it")


class NoWeightTransfer:
    """Stands where the trainer sends new weights to a vLLM server: a dataset is trained on without one."""

    def init_weight_transfer(self) -> None:
        """There is nowhere to send anything."""

    def pause(self) -> None:
        """Nothing samples."""

    def send_weights(self, iterator: Iterator[tuple[str, Any]]) -> None:
        """Save the model when training has ended, and serve it from there."""

    def resume(self) -> None:
        """Nothing samples."""

    def destroy(self) -> None:
        """Nothing is held."""
