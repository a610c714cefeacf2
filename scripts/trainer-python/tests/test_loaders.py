"""The loaders against the service's views, and both against the paper's Eq. 5 through each trainer's own reduction."""

from __future__ import annotations

import importlib.util
import unittest
from typing import Any

import numpy as np
from agentflow_data import (
    DataProtoFields,
    Dataset,
    DatasetError,
    DatasetRolloutWorker,
    LeftOut,
    RolloutSample,
    rl_rows,
    to_dataproto_fields,
    to_rollout_samples,
)

from eq5 import equation_five, gradient_of, token_losses
from fixtures import NAMES, dataset, left_out, view


def close(left: tuple[float, np.ndarray], right: tuple[float, np.ndarray]) -> float:
    return max(abs(left[0] - right[0]), float(np.abs(left[1] - right[1]).max()))


class RolloutSamples(unittest.TestCase):
    def test_are_the_lines_of_the_view_trl(self) -> None:
        for name in NAMES:
            for include in ("checked", "unchecked"):
                with self.subTest(name=name, include=include):
                    skipped = LeftOut()
                    samples = list(to_rollout_samples(dataset(name), include=include, left_out=skipped))
                    suffix = "" if include == "checked" else "-unchecked"
                    self.assertEqual([line_of(one) for one in samples], view(name, f"trl{suffix}"))
                    self.assertEqual(dict(skipped.counts), left_out(name, f"trl{suffix}"))

    def test_are_folded_as_the_view_folds(self) -> None:
        for name in NAMES:
            lines = view(name, "trl-eq5")
            self.assertGreater(len(lines), 0)
            for sample, line in zip(to_rollout_samples(dataset(name), fold="eq5"), lines, strict=True):
                self.assertAlmostEqual(sample.advantage, line["advantage"], places=12)

    def test_give_eq_5_through_the_token_mean_over_a_batch(self) -> None:
        for name in ("uneven", "turns"):
            samples = list(to_rollout_samples(dataset(name), fold="eq5"))
            longest = max(len(sample.input_ids) for sample in samples)

            def padded(field: str) -> np.ndarray:
                return np.array([np.pad(values := getattr(one, field), (0, longest - len(values))) for one in samples])

            # As the trainer does it: position p is predicted from p - 1, and the mask says which count.
            ids, mask, old = padded("input_ids"), padded("completion_mask")[:, 1:], padded("old_log_probs")[:, 1:]
            advantages = np.array([sample.advantage for sample in samples]).reshape(-1, 1)
            losses, slopes = token_losses(ids[:, :-1], ids[:, 1:], old, advantages)
            weights = mask / mask.sum()
            real = float((losses * weights).sum()), gradient_of(ids[:, :-1], ids[:, 1:], slopes * weights)
            self.assertLess(close(real, equation_five(dataset(name))), 1e-6)

    def test_the_worker_hands_over_every_sample_as_often_as_asked_and_once_ahead(self) -> None:
        worker = DatasetRolloutWorker(dataset("uneven"), passes=2)
        worker.start()
        worker.check_health(1.0)
        taken = [worker.rollout_buffer.get_nowait() for _ in range(worker.rollout_buffer.qsize())]
        once = [line_of(sample)["input_ids"] for sample in to_rollout_samples(dataset("uneven"))]
        self.assertEqual([sample.input_ids.tolist() for sample in taken], once * 3)
        self.assertGreater(worker.left_out.total, 0)
        with self.assertRaisesRegex(RuntimeError, "max_steps"):
            worker.check_health(1.0)
        self.assertTrue(worker.metrics_queue.empty())
        worker.stop()


def line_of(sample: RolloutSample) -> dict[str, Any]:
    """As the view writes it, which knows nothing of queues."""
    values = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(sample).items()}
    del values["enqueued_at"]
    return values


class DataProto(unittest.TestCase):
    def test_has_the_rows_of_the_view_verl(self) -> None:
        for include in ("checked", "unchecked"):
            suffix = "" if include == "checked" else "-unchecked"
            for name in ("uneven", "odd"):
                with self.subTest(name=name, include=include):
                    fields = to_dataproto_fields(dataset(name), framework="numpy", include=include)
                    self.assertEqual(rows_of(fields, dataset(name)), view(name, f"verl{suffix}"))
                    self.assertEqual(dict(fields.left_out.counts), left_out(name, f"verl{suffix}"))

    def test_pads_prompts_on_the_left_and_replies_on_the_right(self) -> None:
        tensors = to_dataproto_fields(
            dataset("uneven"), framework="numpy", pad_token_id=99, max_prompt_length=5, max_response_length=7
        ).tensors
        self.assertEqual(tensors["prompts"][0].tolist(), [99, 99, 1, 2, 0])
        self.assertEqual(tensors["responses"][0].tolist(), [3, 4, 5, 99, 99, 99, 99])
        self.assertEqual(tensors["attention_mask"][0].tolist(), [0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
        self.assertEqual(tensors["position_ids"][0].tolist(), [0, 0, 0, 1, 2, 3, 4, 5, 5, 5, 5, 5])
        self.assertEqual(tensors["rollout_log_probs"][0][3:].tolist(), [0.0] * 4)

    def test_refuses_to_cut(self) -> None:
        with self.assertRaisesRegex(DatasetError, "prompt_token_ids"):
            to_dataproto_fields(dataset("uneven"), framework="numpy", max_prompt_length=2)
        with self.assertRaisesRegex(DatasetError, "response_token_ids"):
            to_dataproto_fields(dataset("uneven"), framework="numpy", max_response_length=2)

    def test_gives_eq_5_with_weights_beside_the_surrogate_and_with_folded_advantages(self) -> None:
        for name in ("uneven", "turns"):
            for fold in (None, "eq5"):
                with self.subTest(name=name, fold=fold):
                    fields = to_dataproto_fields(dataset(name), framework="numpy", fold=fold)
                    tensors, totals = fields.tensors, fields.totals
                    mask = tensors["response_mask"]
                    previous = np.concatenate([tensors["prompts"][:, -1:], tensors["responses"][:, :-1]], axis=1)
                    losses, slopes = token_losses(
                        previous, tensors["responses"], tensors["rollout_log_probs"], tensors["advantages"]
                    )
                    beside = tensors["loss_weight"] * totals.tokens / totals.groups if fold is None else 1.0
                    weights = mask * beside / mask.sum()
                    real = float((losses * weights).sum()), gradient_of(previous, tensors["responses"], slopes * weights)
                    self.assertLess(close(real, equation_five(dataset(name))), 1e-6)

    def test_a_dataset_without_a_row_to_train_on_has_no_rows(self) -> None:
        rows = list(rl_rows(dataset("uneven")))
        self.assertGreater(len(rows), 0)
        fields = to_dataproto_fields(dataset("uneven"), framework="numpy")
        self.assertEqual(fields.tensors["prompts"].shape[0], len(rows))

    @unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed")
    def test_gives_torch_tensors_with_the_same_values(self) -> None:
        import torch

        arrays = to_dataproto_fields(dataset("uneven"), framework="numpy").tensors
        tensors = to_dataproto_fields(dataset("uneven")).tensors
        for name, tensor in tensors.items():
            self.assertIsInstance(tensor, torch.Tensor)
            self.assertTrue((tensor.numpy() == arrays[name]).all(), name)
        self.assertEqual(tensors["prompts"].dtype, torch.int64)
        self.assertEqual(tensors["rollout_log_probs"].dtype, torch.float32)

    @unittest.skipIf(importlib.util.find_spec("torch"), "torch is installed")
    def test_says_that_torch_is_missing_where_tensors_are_asked_for(self) -> None:
        with self.assertRaises(ModuleNotFoundError):
            to_dataproto_fields(dataset("uneven"))


def rows_of(fields: DataProtoFields, source: Dataset) -> list[dict[str, Any]]:
    """Back from padded arrays to the view's lines, so that every value has to be in its place."""
    tensors, others = fields.tensors, fields.non_tensors
    turns = {(row["rollout_id"], row["turn_index"]): row for row in source.rows("turns")}
    rows = []
    for index, key in enumerate(others["keys"]):
        mask = tensors["response_mask"][index] == 1
        width = tensors["prompts"].shape[1]
        prompt = tensors["attention_mask"][index][:width] == 1
        turn = turns[others["rollout_id"][index], int(key.rsplit("_", 1)[1])]
        rows.append(
            {
                "key": key,
                "uid": others["uid"][index],
                "prompts": tensors["prompts"][index][prompt].tolist(),
                "responses": tensors["responses"][index][mask].tolist(),
                "response_mask": tensors["response_mask"][index][mask].tolist(),
                "rollout_log_probs": tensors["rollout_log_probs"][index][mask].tolist(),
                "rewards": float(tensors["token_level_scores"][index].sum()),
                "advantage": turn["advantage"],
                "loss_weight": turn["loss_weight"],
                "policy_step": int(others["min_global_steps"][index]),
            }
        )
        np.testing.assert_array_equal(tensors["advantages"][index][mask], np.float32(turn["advantage"]))
        np.testing.assert_array_equal(tensors["loss_weight"][index][mask], np.float32(turn["loss_weight"]))
        np.testing.assert_array_equal(tensors["advantages"][index][~mask], 0)
    return rows


if __name__ == "__main__":
    unittest.main()
