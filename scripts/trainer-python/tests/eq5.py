"""Eq. 5 without its divergence term, from the tables and as the paper writes it, for a policy whose gradient is known.

The policy is a softmax over twelve ids that depends on the token before, so that a shift by one changes every number.
"""

from __future__ import annotations

import numpy as np
from agentflow_data import Dataset

VOCABULARY = 12
CLIP_LOW, CLIP_HIGH = 0.2, 0.3

_LOGITS = np.sin(np.arange(VOCABULARY**2) * 1.7).reshape(VOCABULARY, VOCABULARY) * 0.8
LOG_PROBS = _LOGITS - np.log(np.exp(_LOGITS).sum(axis=1, keepdims=True))


def token_losses(
    previous: np.ndarray, ids: np.ndarray, old: np.ndarray, advantage: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Per token: the negated clipped surrogate, and its slope in the token's log-prob."""
    ratio = np.exp(LOG_PROBS[previous, ids] - old)
    bounded = np.clip(ratio, 1 - CLIP_LOW, 1 + CLIP_HIGH)
    gain = np.minimum(ratio * advantage, bounded * advantage)
    is_clipped = bounded * advantage < ratio * advantage
    return -gain, -np.where(is_clipped, 0.0, ratio * advantage)


def gradient_of(previous: np.ndarray, ids: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Of the loss in the logits, from the slopes in the log-probs."""
    gradient = np.zeros_like(LOG_PROBS)
    for before, token, slope in zip(previous.flat, ids.flat, slopes.flat, strict=True):
        gradient[before] -= slope * np.exp(LOG_PROBS[before])
        gradient[before, token] += slope
    return gradient


def equation_five(dataset: Dataset) -> tuple[float, np.ndarray]:
    """Token mean in a turn, turn mean in a rollout, rollout mean in a group, mean over groups: no stored weight."""
    groups = [row["group_id"] for row in dataset.rows("groups") if row["advantages"]]
    valid = [row for row in dataset.rows("rollouts") if row["valid"]]
    loss, gradient = 0.0, np.zeros_like(LOG_PROBS)
    for row in dataset.rows("turns"):
        members = [one for one in valid if one["group_id"] == row["group_id"]]
        if row["group_id"] not in groups or not row["valid"]:
            continue
        ids = np.array(row["response_token_ids"])
        previous = np.array([row["prompt_token_ids"][-1], *row["response_token_ids"][:-1]])
        losses, slopes = token_losses(previous, ids, np.array(row["response_logprobs"]), np.array(row["advantage"]))
        share = 1 / len(groups) / len(members) / row["num_turns"]
        loss += share * float(losses.mean())
        gradient += gradient_of(previous, ids, slopes * share / len(ids))
    return loss, gradient
