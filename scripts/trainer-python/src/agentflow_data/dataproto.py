"""A dataset as the fields of verl's DataProto: padded tensors, and the arrays beside them.

    DataProto.from_dict(tensors=fields.tensors, non_tensors=fields.non_tensors)

`keys` are what verl's trajectory-level advantage reads; computed from them it equals `advantages` where the dataset's spec
is verl's. The row-level estimator must not recompute it: it would count a rollout once for each of its turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .dataset import Dataset, DatasetError
from .rows import Include, LeftOut, Totals, rl_rows
from .trl import Fold


@dataclass(frozen=True)
class DataProtoFields:
    # Of torch or of NumPy, as asked for. Row i of each belongs to keys[i].
    tensors: dict[str, Any]
    non_tensors: dict[str, np.ndarray]
    totals: Totals
    left_out: LeftOut


def to_dataproto_fields(
    dataset: Dataset,
    *,
    pad_token_id: int = 0,
    max_prompt_length: int | None = None,
    max_response_length: int | None = None,
    fold: Fold | None = None,
    include: Include = "checked",
    framework: Literal["torch", "numpy"] = "torch",
) -> DataProtoFields:
    """Prompts padded on the left, replies on the right, to the longest row or to the lengths given.

    `fold="eq5"` writes advantages by which a token mean is Eq. 5. A row longer than a given length is an error: cutting
    a prompt after sampling would change what the log-probs are conditioned on.
    """
    left_out = LeftOut()
    rows = _whole_groups(dataset, list(rl_rows(dataset, include, left_out)), left_out)
    width = _width(rows, "prompt_token_ids", max_prompt_length)
    length = _width(rows, "response_token_ids", max_response_length)
    totals = Totals(
        rows=len(rows),
        tokens=sum(sum(row["response_mask"]) for row in rows),
        groups=sum(1 for group in dataset.rows("groups", ["advantages"]) if group["advantages"]),
    )
    arrays = _padded(rows, width, length, pad_token_id)
    per_row = [row["advantage"] if fold is None else totals.fold(row["advantage"], row["loss_weight"]) for row in rows]
    mask = arrays["response_mask"]
    arrays["advantages"] = _on_tokens(per_row, mask)
    arrays["loss_weight"] = _on_tokens([row["loss_weight"] for row in rows], mask)
    return DataProtoFields(
        tensors=arrays if framework == "numpy" else _to_torch(arrays),
        non_tensors={
            "uid": _objects([row["group_id"] for row in rows]),
            "keys": _objects([f"{row['group_id']}_{row['rollout_index']}_{row['turn_index']}" for row in rows]),
            "rollout_id": _objects([row["rollout_id"] for row in rows]),
            "__num_turns__": np.array([row["num_turns"] for row in rows], dtype=np.int32),
            "min_global_steps": np.array([row["policy_step"] for row in rows], dtype=np.int64),
            "max_global_steps": np.array([row["policy_step"] for row in rows], dtype=np.int64),
        },
        totals=totals,
        left_out=left_out,
    )


def _whole_groups(dataset: Dataset, rows: list[dict[str, Any]], left_out: LeftOut) -> list[dict[str, Any]]:
    """Without groups in which verl would find another baseline: those where a valid rollout has no row here, and those
    of one valid rollout, whose advantage verl takes to be its reward."""
    sizes = {row["group_id"]: row["size_valid"] for row in dataset.rows("groups", ["group_id", "size_valid"])}
    members: dict[str, set[str]] = {}
    for row in rows:
        members.setdefault(row["group_id"], set()).add(row["rollout_id"])
    whole = {group_id for group_id, found in members.items() if len(found) == sizes[group_id] > 1}
    kept = [row for row in rows if row["group_id"] in whole]
    if len(kept) < len(rows):
        left_out.counts["group_not_whole"] += len(rows) - len(kept)
    return kept


def _width(rows: list[dict[str, Any]], column: str, wanted: int | None) -> int:
    longest = max((len(row[column]) for row in rows), default=0)
    if wanted is not None and longest > wanted:
        raise DatasetError(f"a row has {longest} {column}, more than the {wanted} that fit")
    return longest if wanted is None else wanted


def _padded(rows: list[dict[str, Any]], width: int, length: int, pad: int) -> dict[str, np.ndarray]:
    count = len(rows)
    prompts = np.full((count, width), pad, dtype=np.int64)
    responses = np.full((count, length), pad, dtype=np.int64)
    response_mask = np.zeros((count, length), dtype=np.int64)
    log_probs = np.zeros((count, length), dtype=np.float32)
    scores = np.zeros((count, length), dtype=np.float32)
    attention = np.zeros((count, width + length), dtype=np.int64)
    for index, row in enumerate(rows):
        prompt, reply = row["prompt_token_ids"], row["response_token_ids"]
        prompts[index, width - len(prompt) :] = prompt
        responses[index, : len(reply)] = reply
        response_mask[index, : len(reply)] = row["response_mask"]
        log_probs[index, : len(reply)] = row["response_logprobs"]
        # The outcome stands at the last token, where verl sums it up.
        scores[index, len(reply) - 1] = row["reward"]
        attention[index, width - len(prompt) : width + len(reply)] = 1
    return {
        "prompts": prompts,
        "responses": responses,
        "response_mask": response_mask,
        "input_ids": np.concatenate([prompts, responses], axis=1),
        "attention_mask": attention,
        "position_ids": np.clip(np.cumsum(attention, axis=1) - 1, 0, None),
        "rollout_log_probs": log_probs,
        "token_level_scores": scores,
    }


def _on_tokens(per_row: list[float], mask: np.ndarray) -> np.ndarray:
    return (np.array(per_row, dtype=np.float64).reshape(-1, 1) * mask).astype(np.float32)


def _objects(values: list[Any]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _to_torch(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    # Only here: everything else works on a machine without torch.
    import torch

    return {name: torch.from_numpy(array) for name, array in arrays.items()}
