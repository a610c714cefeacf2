"""The dataset validator in Python, independent of the service's own: the six rules of the contract.

It rejects and never repairs. Every finding names the rule, the file and what is wrong; memory holds one row group and what
is known of the groups seen so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from .dataset import TABLES, Dataset, DatasetFile
from .group_rules import GroupCheck
from .hashes import sha256_of
from .spec import AdvantageSpec

MAX_FINDINGS = 1000


@dataclass(frozen=True)
class Finding:
    # 1 to 6, as the contract counts them.
    rule: int
    file: str
    detail: str

    def __str__(self) -> str:
        return f"rule {self.rule}: {self.file}: {self.detail}"


def verify(dataset: Dataset) -> list[Finding]:
    """Empty for a dataset that keeps the contract; at most a thousand findings otherwise."""
    found: list[Finding] = []
    for finding in _findings(dataset):
        found.append(finding)
        if len(found) == MAX_FINDINGS:
            break
    return found


def _findings(dataset: Dataset) -> Iterator[Finding]:
    broken: set[str] = set()
    for file in dataset.files:
        for detail in _check_bytes(dataset, file):
            broken.add(file.path)
            yield Finding(6, file.path, detail)
    yield from _check_counts(dataset)
    if broken:
        # What is said of rows in a file that is not the manifest's would be said of another dataset.
        return
    seen: dict[str, set[str]] = {"group": set(), "rollout": set()}
    spec = AdvantageSpec.parse(str(dataset.manifest["advantage_spec"]))
    groups, rollouts, turns = (dataset.files_of(table) for table in ("groups", "rollouts", "turns"))
    if not len(groups) == len(rollouts) == len(turns):
        yield Finding(6, "manifest.json", "the tables do not have the same number of files")
        return
    for group_file, rollout_file, turn_file in zip(groups, rollouts, turns, strict=True):
        yield from _check_set(dataset, spec, (group_file, rollout_file, turn_file), seen)


def _check_bytes(dataset: Dataset, file: DatasetFile) -> Iterator[str]:
    path = dataset.path_of(file)
    if not path.is_file():
        yield "the file is missing"
        return
    size = path.stat().st_size
    if size != file.bytes:
        yield f"it has {size} bytes, the manifest says {file.bytes}"
    if sha256_of(path) != file.sha256:
        yield "its SHA-256 is not the manifest's"
        return
    if file.table is None:
        return
    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        yield f"it is not Parquet: {error}"
        return
    if rows != file.rows:
        yield f"it has {rows} rows, the manifest says {file.rows}"


def _check_counts(dataset: Dataset) -> Iterator[Finding]:
    counts = dataset.manifest.get("counts", {})
    for table in TABLES:
        rows = sum(file.rows or 0 for file in dataset.files_of(table))
        if counts.get(table) != rows:
            yield Finding(6, "manifest.json", f"counts says {counts.get(table)} {table}, its files have {rows}")


def _check_set(
    dataset: Dataset, spec: AdvantageSpec, files: tuple[DatasetFile, DatasetFile, DatasetFile], seen: dict[str, set[str]]
) -> Iterator[Finding]:
    """One set of three files, which hold the same groups in the same order."""
    group_file, rollout_file, turn_file = files
    check = GroupCheck(spec)
    for row in _rows(dataset, group_file):
        if row["group_id"] in seen["group"]:
            yield Finding(5, group_file.path, f"the group {row['group_id']} is there twice")
        seen["group"].add(row["group_id"])
        check.add_group(row)
    for row in _rows(dataset, rollout_file):
        if row["rollout_id"] in seen["rollout"]:
            yield Finding(5, rollout_file.path, f"the rollout {row['rollout_id']} is there twice")
        seen["rollout"].add(row["rollout_id"])
        if (problem := check.add_rollout(row)) is not None:
            yield Finding(5, rollout_file.path, problem)
    for row in _rows(dataset, turn_file):
        for rule, problem in check.add_turn(row):
            yield Finding(rule, turn_file.path, problem)
    for rule, problem in check.finish():
        yield Finding(rule, turn_file.path, problem)


def _rows(dataset: Dataset, file: DatasetFile) -> Iterator[dict]:
    names = {name for name in pq.read_schema(dataset.path_of(file)).names} - {"messages", "prompt_token_ids"}
    with pq.ParquetFile(dataset.path_of(file)) as parquet:
        for index in range(parquet.num_row_groups):
            yield from parquet.read_row_group(index, columns=sorted(names)).to_pylist()
