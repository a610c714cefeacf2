"""Field by field: pyarrow, `datasets` and the service's own view `jsonl` read the same from the same Parquet."""

from __future__ import annotations

import datetime
import tempfile
import unittest
from typing import Any

from agentflow_data import open_dataset, to_datasets
from agentflow_data.dataset import TABLES, DatasetError

from fixtures import NAMES, ROOT, CopiedDataset, dataset, view


def as_json(value: Any) -> Any:
    """Times as the view writes them; everything else must be equal as it is, float32 included."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    return value


class Tables(CopiedDataset):
    maxDiff = 4000

    def compare(self, rows: list[dict[str, Any]], lines: list[dict[str, Any]]) -> None:
        self.assertEqual(len(rows), len(lines))
        for row, line in zip(rows, lines, strict=True):
            self.assertEqual(list(row), list(line), "the columns and their order")
            for column, value in line.items():
                self.assertEqual(as_json(row[column]), value, column)
                self.assertEqual(type(as_json(row[column])) is bool, type(value) is bool, column)

    def test_pyarrow_reads_what_the_view_shows(self) -> None:
        for name in NAMES:
            for table in TABLES:
                with self.subTest(name=name, table=table):
                    self.compare(dataset(name).table(table).to_pylist(), view(name, table))
                    self.compare(list(dataset(name).rows(table)), view(name, table))

    def test_datasets_reads_what_the_view_shows(self) -> None:
        for name in NAMES:
            with tempfile.TemporaryDirectory() as cache:
                tables = to_datasets(dataset(name), cache_dir=cache)
                for table in TABLES:
                    with self.subTest(name=name, table=table):
                        self.compare(list(tables[table]), view(name, table))

    def test_the_files_have_the_types_of_the_contract(self) -> None:
        schema = dataset("odd").table("turns").schema
        expected = {
            "rollout_index": "int32",
            "policy_step": "int64",
            "seed": "int64",
            "advantage": "double",
            "valid": "bool",
            "started_at": "timestamp[ms, tz=UTC]",
        }
        self.assertEqual({name: str(schema.field(name).type) for name in expected}, expected)
        lists = {"response_logprobs": "float", "response_token_ids": "int32", "response_mask": "int8"}
        self.assertEqual({name: str(schema.field(name).type.value_type) for name in lists}, lists)

    def test_a_folder_without_a_manifest_is_no_dataset(self) -> None:
        folder = self.copy("odd")
        (folder / "manifest.json").unlink()
        with self.assertRaisesRegex(DatasetError, "no manifest"):
            open_dataset(folder)

    def test_a_manifest_cannot_name_a_file_outside_its_folder(self) -> None:
        for path in ("../up.parquet", "/etc/passwd", "a/../../b", "C:\\x", "", "manifest.json"):
            folder = self.copy("odd")
            text = (folder / "manifest.json").read_text()
            quoted = path.replace("\\", "\\\\")
            (folder / "manifest.json").write_text(text.replace("turns-00000.parquet", quoted))
            with self.subTest(path=path), self.assertRaises(DatasetError):
                open_dataset(folder)

    def test_another_schema_version_is_refused(self) -> None:
        folder = self.copy("odd")
        text = (folder / "manifest.json").read_text()
        (folder / "manifest.json").write_text(text.replace('"schema_version": 1', '"schema_version": 2'))
        with self.assertRaisesRegex(DatasetError, "schema version 1"):
            open_dataset(folder)

    def test_the_fixtures_have_more_than_one_set_of_files(self) -> None:
        self.assertEqual(len(dataset("odd").files_of("turns")), 2)
        self.assertTrue((ROOT / "odd" / "turns-00001.parquet").is_file())


if __name__ == "__main__":
    unittest.main()
