"""The validator takes what the service's writer made and finds every rule that a changed copy breaks."""

from __future__ import annotations

import json
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from agentflow_data import open_dataset, verify
from agentflow_data.cli import main
from agentflow_data.hashes import sha256_of

from fixtures import NAMES, CopiedDataset, dataset

Rows = list[dict[str, Any]]


def rewrite(folder: Path, name: str, change: Callable[[Rows], Rows | None]) -> None:
    """Changes rows of a file and makes the manifest agree, so that only the content is wrong."""
    path = folder / name
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows = change(rows) or rows
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path, compression="zstd")
    manifest = json.loads((folder / "manifest.json").read_text())
    for file in manifest["files"]:
        if file["path"] == name:
            manifest["counts"][file["table"]] += len(rows) - file["rows"]
            file.update(rows=len(rows), bytes=path.stat().st_size, sha256=sha256_of(path))
    (folder / "manifest.json").write_text(json.dumps(manifest))


class Verify(CopiedDataset):
    def rules(self, folder: Path) -> set[int]:
        return {finding.rule for finding in verify(open_dataset(folder))}

    def test_what_the_service_writes_keeps_the_rules(self) -> None:
        for name in NAMES:
            with self.subTest(name=name):
                self.assertEqual([str(finding) for finding in verify(dataset(name))], [])

    def test_a_rewritten_copy_without_a_change_keeps_the_rules(self) -> None:
        folder = self.copy("odd")
        rewrite(folder, "turns-00000.parquet", lambda rows: None)
        self.assertEqual(self.rules(folder), set())

    def change_turn(self, change: Callable[[dict[str, Any]], None]) -> set[int]:
        folder = self.copy("uneven")

        def change_first(rows: Rows) -> None:
            change(rows[0])

        rewrite(folder, "turns-00000.parquet", change_first)
        return self.rules(folder)

    def test_rule_1_lengths_and_log_probs(self) -> None:
        changes: list[Callable[[dict[str, Any]], None]] = [
            lambda row: row["response_logprobs"].pop(),
            lambda row: row["response_mask"].append(1),
            lambda row: row["response_logprobs"].__setitem__(0, float("nan")),
            lambda row: row["response_logprobs"].__setitem__(0, float("-inf")),
            lambda row: row["response_logprobs"].__setitem__(0, -9999.0),
            lambda row: row["response_logprobs"].__setitem__(0, 0.01),
            lambda row: row.update(response_token_ids=None),
        ]
        for index, change in enumerate(changes):
            with self.subTest(change=index):
                self.assertIn(1, self.change_turn(change))

    def test_rule_2_turns_of_a_rollout(self) -> None:
        self.assertIn(2, self.change_turn(lambda row: row.update(turn_index=5)))
        self.assertIn(2, self.change_turn(lambda row: row.update(is_last_turn=not row["is_last_turn"])))
        self.assertIn(2, self.change_turn(lambda row: row.update(num_turns=9)))
        folder = self.copy("uneven")
        rewrite(folder, "turns-00000.parquet", lambda rows: [rows[0], *rows])
        self.assertIn(2, self.rules(folder))
        folder = self.copy("uneven")
        rewrite(folder, "turns-00000.parquet", lambda rows: rows[1:])
        self.assertIn(2, self.rules(folder))

    def test_rule_3_what_rows_of_a_rollout_agree_on(self) -> None:
        for column, value in (("reward", 0.5), ("advantage", 2.0), ("valid", False), ("group_id", "grp_other")):
            with self.subTest(column=column):
                self.assertIn(3, self.change_turn(lambda row, c=column, v=value: row.update({c: v})))

    def test_rule_3_advantages_that_do_not_sum_to_zero(self) -> None:
        folder = self.copy("uneven")

        def raise_advantage(rows: Rows) -> None:
            for row in rows:
                if row["rollout_id"] == rollout_id:
                    row["advantage"] += 1e-6

        rollout_id = dataset("uneven").table("rollouts").to_pylist()[0]["rollout_id"]
        rewrite(folder, "turns-00000.parquet", raise_advantage)
        rewrite(folder, "rollouts-00000.parquet", raise_advantage)
        self.assertEqual(self.rules(folder), {3})

    def test_rule_4_weights(self) -> None:
        self.assertEqual(self.change_turn(lambda row: row.update(loss_weight=row["loss_weight"] * 1.001)), {4})
        self.assertIn(4, self.change_turn(lambda row: row.update(loss_weight=None)))

    def test_rule_5_a_group_or_rollout_twice(self) -> None:
        for table in ("groups", "rollouts"):
            folder = self.copy("odd")
            row = dataset("odd").table(table).to_pylist()[0]
            rewrite(folder, f"{table}-00001.parquet", lambda rows, r=row: [r, *rows])
            with self.subTest(table=table):
                self.assertIn(5, self.rules(folder))

    def test_rule_6_size_hash_rows_and_presence(self) -> None:
        folder = self.copy("uneven")
        path = folder / "turns-00000.parquet"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        self.assertEqual(self.rules(folder), {6})
        path.unlink()
        self.assertEqual(self.rules(folder), {6})

    def test_rule_6_a_manifest_that_counts_wrongly(self) -> None:
        folder = self.copy("uneven")
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"][0]["rows"] += 1
        (folder / "manifest.json").write_text(json.dumps(manifest))
        self.assertEqual(self.rules(folder), {6})

    def test_the_command_says_so_with_its_exit_status(self) -> None:
        folder = self.copy("uneven")
        self.assertEqual(main(["verify", str(folder)]), 0)
        rewrite(folder, "turns-00000.parquet", lambda rows: rows[0].update(turn_index=7))
        self.assertEqual(main(["verify", str(folder)]), 1)
        (folder / "manifest.json").unlink()
        self.assertEqual(main(["verify", str(folder)]), 1)


if __name__ == "__main__":
    unittest.main()
