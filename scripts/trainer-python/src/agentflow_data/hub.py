"""A dataset as Hugging Face `datasets`, one Dataset a table. The library is imported only here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .dataset import TABLES, Dataset


def to_datasets(dataset: Dataset, cache_dir: str | Path | None = None) -> dict[str, Any]:
    """`{"turns": …, "rollouts": …, "groups": …}`, memory-mapped from the library's cache."""
    from datasets import Dataset as HubDataset

    return {
        table: HubDataset.from_parquet(
            [str(dataset.path_of(file)) for file in dataset.files_of(table)],
            cache_dir=None if cache_dir is None else str(cache_dir),
        )
        for table in TABLES
    }
