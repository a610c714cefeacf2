"""A dataset's folder: its manifest and its three tables, read row group by row group.

A folder without a manifest is not a dataset: the manifest is what is written last. Paths that leave the folder and
schema versions that this package does not know are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

Table = Literal["turns", "rollouts", "groups"]
TABLES: tuple[Table, ...] = ("turns", "rollouts", "groups")
SCHEMA_VERSION = 1


class DatasetError(Exception):
    """This is not a dataset that can be read."""


@dataclass(frozen=True)
class DatasetFile:
    """One entry of the manifest's `files`."""

    path: str
    table: str | None
    rows: int | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Dataset:
    folder: Path
    manifest: dict[str, Any]
    files: tuple[DatasetFile, ...]

    @property
    def id(self) -> str:
        return str(self.manifest["dataset_id"])

    def files_of(self, table: Table) -> list[DatasetFile]:
        """In the order of their rows."""
        return sorted((file for file in self.files if file.table == table), key=lambda file: file.path)

    def path_of(self, file: DatasetFile) -> Path:
        return self.folder / file.path

    def table(self, table: Table, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole table in memory; `batches` does not need as much."""
        parts = [pq.read_table(self.path_of(file), columns=columns) for file in self.files_of(table)]
        if not parts:
            raise DatasetError(f"{self.id} has no {table}")
        return pa.concat_tables(parts)

    def batches(self, table: Table, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Row group by row group, so that memory does not grow with the dataset."""
        for file in self.files_of(table):
            with pq.ParquetFile(self.path_of(file)) as parquet:
                for index in range(parquet.num_row_groups):
                    yield from parquet.read_row_group(index, columns=columns).to_batches()

    def rows(self, table: Table, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Rows as Python values, one row group in memory at a time."""
        for batch in self.batches(table, columns):
            yield from batch.to_pylist()


def open_dataset(folder: str | Path) -> Dataset:
    """Reads the manifest alone; `verify` looks at the rest."""
    root = Path(folder)
    path = root / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{root} has no manifest.json, so it is no dataset, or not a whole one") from None
    except ValueError as error:
        raise DatasetError(f"{path} is not JSON: {error}") from None
    return Dataset(folder=root, manifest=manifest, files=read_files(manifest))


def read_files(manifest: Any) -> tuple[DatasetFile, ...]:
    """The manifest's list of files, refused where it is not one."""
    if not isinstance(manifest, dict) or manifest.get("schema_version") != SCHEMA_VERSION:
        raise DatasetError(f"the manifest is not of schema version {SCHEMA_VERSION}")
    try:
        files = tuple(
            DatasetFile(
                path=_plain_path(entry["path"]),
                table=entry["table"],
                rows=None if entry["rows"] is None else int(entry["rows"]),
                bytes=int(entry["bytes"]),
                sha256=str(entry["sha256"]),
            )
            for entry in manifest["files"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"the manifest's files cannot be read: {error!r}") from None
    if len({file.path for file in files}) != len(files):
        raise DatasetError("the manifest names a file twice")
    return files


def _plain_path(path: Any) -> str:
    # The manifest comes from elsewhere; it must not name a file outside its folder.
    if not isinstance(path, str) or "\\" in path or ":" in path or path == "manifest.json":
        raise DatasetError(f"not a path of a dataset: {path!r}")
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or str(pure) != path:
        raise DatasetError(f"not a path of a dataset: {path!r}")
    return path
