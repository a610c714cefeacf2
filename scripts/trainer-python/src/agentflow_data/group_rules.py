"""Rules 1 to 5 over one set of files: what turns, rollouts and groups must agree on.

It is fed rows in the files' order and keeps numbers, never texts or tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .row_rules import check_capture
from .spec import AdvantageSpec

Problem = tuple[int, str]
TOLERANCE = 1e-9


@dataclass
class _Rollout:
    group_id: str
    valid: bool
    invalid_reason: str | None
    reward: float | None
    advantage: float | None
    num_turns: int
    turns: set[int] = field(default_factory=set)
    last_turns: int = 0
    weight: float = 0.0
    # Every turn so far has at least one id.
    has_ids: bool = True


class GroupCheck:
    """One set of three files; `finish` says what only the whole shows."""

    def __init__(self, spec: AdvantageSpec) -> None:
        self._spec = spec
        self._groups: dict[str, dict[str, Any]] = {}
        self._rollouts: dict[str, _Rollout] = {}

    def add_group(self, row: dict[str, Any]) -> None:
        self._groups[row["group_id"]] = row

    def add_rollout(self, row: dict[str, Any]) -> str | None:
        self._rollouts[row["rollout_id"]] = _Rollout(
            group_id=row["group_id"],
            valid=row["valid"],
            invalid_reason=row["invalid_reason"],
            reward=row["reward"],
            advantage=row["advantage"],
            num_turns=row["num_turns"],
        )
        known = row["group_id"] in self._groups
        return None if known else f"{row['rollout_id']} is of a group that this set of files does not have"

    def add_turn(self, row: dict[str, Any]) -> Iterator[Problem]:
        name = f"{row['rollout_id']} turn {row['turn_index']}"
        rollout = self._rollouts.get(row["rollout_id"])
        if rollout is None:
            yield 5, f"{name}: its rollout is not in this set of files"
            return
        if row["turn_index"] in rollout.turns:
            yield 2, f"{name} is there twice"
        rollout.turns.add(row["turn_index"])
        rollout.last_turns += row["is_last_turn"]
        if row["num_turns"] != rollout.num_turns or row["is_last_turn"] != (row["turn_index"] == row["num_turns"] - 1):
            yield 2, f"{name}: its number of turns, or whether it is the last, is wrong"
        for column in ("group_id", "valid", "reward", "advantage"):
            if row[column] != getattr(rollout, column):
                yield 3, f"{name}: {column} is not its rollout's"
        # A rollout whose capture was found broken when its record was made keeps its rows as they came.
        if rollout.invalid_reason != "bad_capture":
            for problem in check_capture(row):
                yield 1, f"{name}: {problem}"
        tokens = sum(row["response_mask"] or [])
        rollout.weight += (row["loss_weight"] or 0.0) * tokens
        rollout.has_ids = rollout.has_ids and tokens > 0
        wanted = rollout.advantage is not None and row["response_mask"] is not None
        if wanted != (row["loss_weight"] is not None):
            yield 4, f"{name}: its loss weight is {'missing' if wanted else 'there, where it should be null'}"

    def finish(self) -> Iterator[Problem]:
        for name, rollout in self._rollouts.items():
            expected = set(range(rollout.num_turns))
            if rollout.turns != expected or rollout.last_turns != min(1, rollout.num_turns):
                yield 2, f"{name}: its turns are not 0 to {rollout.num_turns - 1} with one last turn"
        members: dict[str, list[_Rollout]] = {}
        for rollout in self._rollouts.values():
            members.setdefault(rollout.group_id, []).append(rollout)
        for group_id, group in self._groups.items():
            valid = [rollout for rollout in members.get(group_id, []) if rollout.valid]
            yield from self._check_advantages(group_id, group, valid)
            if group["advantages"]:
                yield from self._check_weights(group_id, valid)

    def _check_advantages(self, group_id: str, group: dict[str, Any], valid: list[_Rollout]) -> Iterator[Problem]:
        if group["size_valid"] != len(valid):
            yield 3, f"{group_id}: size_valid is {group['size_valid']}, but {len(valid)} rollouts are valid"
        if any((rollout.advantage is not None) != group["advantages"] for rollout in valid):
            yield 3, f"{group_id}: whether it has advantages is not what its rollouts say"
            return
        if not group["advantages"] or not valid:
            return
        counts = [rollout.num_turns if self._spec.over == "turn" else 1 for rollout in valid]
        total = sum((rollout.advantage or 0.0) * count for rollout, count in zip(valid, counts, strict=True))
        if len({rollout.reward for rollout in valid}) == 1:
            if any(rollout.advantage != 0 for rollout in valid):
                yield 3, f"{group_id}: its rewards are equal, but an advantage is not 0"
            return
        largest = max(abs(rollout.reward or 0.0) for rollout in valid)
        divisor = 1.0 if self._spec.std == "none" else group["baseline_std"] + self._spec.eps
        if not abs(total) <= TOLERANCE * max(1.0, largest / divisor):
            yield 3, f"{group_id}: its advantages sum to {total!r}"

    def _check_weights(self, group_id: str, valid: list[_Rollout]) -> Iterator[Problem]:
        whole = [rollout for rollout in valid if rollout.has_ids and rollout.num_turns > 0]
        total = sum(rollout.weight for rollout in whole)
        if not abs(total - len(whole) / max(1, len(valid))) <= TOLERANCE:
            yield 4, f"{group_id}: loss weight times tokens sums to {total!r}, not {len(whole)}/{len(valid)}"
