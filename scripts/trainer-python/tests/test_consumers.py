"""The samples and fields in the hands of the real trainers: TRL's queue, packing and loss, verl's DataProto, trajectory
advantage and policy loss, each compared with this package's numbers and with Eq. 5.

Skipped where trl or verl is not installed: both need torch. docs/training.md says with which versions it was run.
"""

from __future__ import annotations

import importlib.util
import unittest
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import numpy as np
from agentflow_data import DatasetRolloutWorker, NoWeightTransfer, rl_rows, to_dataproto_fields

from eq5 import CLIP_HIGH, CLIP_LOW, LOG_PROBS, equation_five
from fixtures import dataset

# Trainers compute in float32.
CLOSE = 1e-6


def has(*modules: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in modules)


class Policy:
    """The policy of eq5.py as a torch parameter: log-probs of the next ids from the ids before."""

    def __init__(self) -> None:
        import torch

        self.logits = torch.tensor(LOG_PROBS, dtype=torch.float64, requires_grad=True)

    def log_probs(self, previous: Any, ids: Any) -> Any:
        import torch

        return torch.log_softmax(self.logits, dim=-1)[previous, ids]

    def difference(self, loss: Any, name: str) -> float:
        """From Eq. 5, of the loss and of its gradient."""
        loss.backward()
        expected, gradient = equation_five(dataset(name))
        return max(abs(loss.item() - expected), float(np.abs(self.logits.grad.numpy() - gradient).max()))


@unittest.skipUnless(has("torch", "trl"), "torch and trl are not installed")
class Trl(unittest.TestCase):
    def batch(self, name: str) -> dict[str, Any]:
        """What reaches the trainer's loss: taken from the queue, packed and collated by its own code, as one step."""
        import torch
        from accelerate.data_loader import prepare_data_loader
        from torch.utils.data import DataLoader
        from trl.experimental.async_grpo import async_grpo_trainer as trainer

        worker = DatasetRolloutWorker(dataset(name), fold="eq5")
        worker.start()
        metrics: dict[str, list[Any]] = defaultdict(list)
        source = trainer.RolloutQueueDataset(
            worker.rollout_buffer, lambda: 0, worker.check_health, stale_after_s=1.0, metrics=metrics, max_staleness=4
        )
        size = sum(1 for _ in rl_rows(dataset(name)))
        self.assertGreater(size, 1)
        batcher = trainer.FixedCountBatcher(source, num_processes=1, microbatch_size=size)
        collate = trainer.DataCollatorForRollout(pad_token_id=0, metrics=metrics)
        # As the trainer prepares it: it fetches one batch ahead.
        loader = prepare_data_loader(
            DataLoader(batcher, batch_size=1, collate_fn=collate),
            device=torch.device("cpu"),
            put_on_device=True,
            dispatch_batches=True,
        )
        return next(iter(loader))

    def test_the_trainers_own_loss_over_a_dataset_is_eq_5(self) -> None:
        import torch
        from trl.experimental.async_grpo.async_grpo_trainer import AsyncGRPOTrainer

        policy = Policy()

        def model(input_ids: Any, shift_labels: Any, **_: Any) -> SimpleNamespace:
            scored = policy.log_probs(input_ids, shift_labels.clamp(min=0))
            return SimpleNamespace(log_probs=scored, entropy=torch.zeros_like(scored))

        for name in ("uneven", "turns"):
            with self.subTest(name=name):
                policy.logits.grad = None
                accelerator = SimpleNamespace(
                    num_processes=1, reduce=lambda value, reduction: value, gather=lambda value: value.reshape(-1)
                )
                stand = SimpleNamespace(
                    accelerator=accelerator,
                    aux_loss_enabled=False,
                    epsilon_low=CLIP_LOW,
                    epsilon_high=CLIP_HIGH,
                    current_gradient_accumulation_steps=1,
                    _metrics={"train": defaultdict(list)},
                    _step_forward_tokens=0.0,
                    _step_trained_tokens=0.0,
                    _step_seq_len_weighted=0.0,
                    _step_samples=0.0,
                    _step_forward_s=0.0,
                )
                loss = AsyncGRPOTrainer.compute_loss(stand, model, self.batch(name))
                self.assertLess(policy.difference(loss, name), CLOSE)

    def test_what_stands_in_has_what_the_trainers_protocols_name(self) -> None:
        from trl.experimental.async_grpo.async_grpo_trainer import RolloutWorkerProtocol, WeightTransferProtocol

        pairs = [(RolloutWorkerProtocol, DatasetRolloutWorker(dataset("uneven"))), (WeightTransferProtocol, NoWeightTransfer())]
        for protocol, stand in pairs:
            named = {*getattr(protocol, "__annotations__", ()), *vars(protocol)}
            wanted = {name for name in named if not name.startswith("_")}
            self.assertGreater(len(wanted), 4)
            self.assertEqual({name for name in wanted if not hasattr(stand, name)}, set())

    def test_a_sample_has_the_fields_of_theirs(self) -> None:
        import dataclasses

        from agentflow_data import RolloutSample
        from trl.experimental.async_grpo.async_rollout_worker import RolloutSample as Theirs

        def names(sample: Any) -> list[str]:
            return [field.name for field in dataclasses.fields(sample)]

        self.assertEqual(names(RolloutSample), names(Theirs))


@unittest.skipUnless(has("torch", "verl"), "torch and verl are not installed")
class Verl(unittest.TestCase):
    def test_its_trajectory_level_advantage_is_the_datasets(self) -> None:
        import torch
        from verl import DataProto
        from verl.trainer.ppo.core_algos import AdvantageEstimator
        from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories

        fields = to_dataproto_fields(dataset("uneven"))
        ours = fields.tensors.pop("advantages")
        data = DataProto.from_dict(tensors=fields.tensors, non_tensors=fields.non_tensors)
        data.batch["token_level_rewards"] = data.batch["token_level_scores"]
        theirs = compute_advantage_for_multi_trajectories(
            data, list(fields.non_tensors["keys"]), AdvantageEstimator.GRPO
        ).batch["advantages"]
        self.assertGreater(float(ours.abs().max()), 0)
        self.assertLess(float((theirs - ours).abs().max()), 1e-5)

        # The row-level estimator finds others, which is why it must not recompute them.
        from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

        rows, _ = compute_grpo_outcome_advantage(
            data.batch["token_level_rewards"], data.batch["response_mask"], fields.non_tensors["uid"]
        )
        self.assertGreater(float((rows - ours).abs().max()), 0.1)
        self.assertIsInstance(ours, torch.Tensor)

    def test_its_policy_loss_over_the_folded_advantages_is_eq_5(self) -> None:
        import torch
        from verl.trainer.ppo.core_algos import compute_policy_loss_vanilla
        from verl.workers.config import ActorConfig

        config = ActorConfig(
            strategy="fsdp",
            rollout_n=1,
            ppo_micro_batch_size_per_gpu=1,
            clip_ratio=CLIP_LOW,
            clip_ratio_low=CLIP_LOW,
            clip_ratio_high=CLIP_HIGH,
            clip_ratio_c=1e9,
        )
        for name in ("uneven", "turns"):
            with self.subTest(name=name):
                policy = Policy()
                tensors = to_dataproto_fields(dataset(name), fold="eq5").tensors
                previous = torch.cat([tensors["prompts"][:, -1:], tensors["responses"][:, :-1]], dim=1)
                loss, _ = compute_policy_loss_vanilla(
                    old_log_prob=tensors["rollout_log_probs"],
                    log_prob=policy.log_probs(previous, tensors["responses"]),
                    advantages=tensors["advantages"],
                    response_mask=tensors["response_mask"],
                    loss_agg_mode="token-mean",
                    config=config,
                )
                self.assertLess(policy.difference(loss, name), CLOSE)


if __name__ == "__main__":
    unittest.main()
