"""The bench's comparison: parses records from JSON lines and writes their turns as Parquet with pyarrow.

    python3 pyarrow_write.py records.jsonl turns.parquet
prints rows, seconds, peak megabytes and pyarrow's version.
"""

import json
import resource
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_GROUP = 600


def main(source, target):
    lists = {"prompt_token_ids": pa.int32(), "response_token_ids": pa.int32(), "response_logprobs": pa.float32()}
    started = time.perf_counter()
    writer, batch, rows = None, [], 0

    def flush():
        nonlocal writer, batch
        table = pa.Table.from_pylist(batch)
        for name, item in lists.items():
            index = table.schema.get_field_index(name)
            table = table.set_column(index, name, table[name].cast(pa.list_(item)))
        writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=ROWS_PER_GROUP)
        batch = []

    with open(source, encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            for turn in record["turns"]:
                batch.append({**turn, "rollout_id": record["rollout_id"], "advantage": 0.5, "loss_weight": 0.001})
                rows += 1
                if len(batch) == ROWS_PER_GROUP:
                    flush()
    if batch:
        flush()
    writer.close()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(rows, f"{seconds:.3f}", f"{peak:.0f}", pa.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:3])
