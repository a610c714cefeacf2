"""Brings a dataset onto this machine: every file with its size and hash checked, the manifest last.

A download that was cut goes on where it stopped; a file that is there and right is not asked for again. A file whose
hash is not the manifest's is removed and never left under its name.
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.parse
from pathlib import Path

from .client import MAX_JSON_BYTES, TRIES, ApiError, Client
from .dataset import Dataset, DatasetError, DatasetFile, open_dataset, read_files
from .hashes import sha256_of

_PIECE = 1024 * 1024


def download(client: Client, dataset_id: str, folder: str | Path) -> Dataset:
    """Into `folder`, which is made where it is missing. Raises ApiError, or DatasetError for bytes that are wrong."""
    with client.open("GET", _path(dataset_id, "manifest.json")) as response:
        text = response.read(MAX_JSON_BYTES + 1)
    manifest = json.loads(text)
    files = read_files(manifest)
    if manifest.get("dataset_id") != dataset_id:
        raise DatasetError(f"the manifest is of {manifest.get('dataset_id')!r}")
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    for file in files:
        _fetch(client, dataset_id, file, root)
    part = root / "manifest.json.part"
    part.write_bytes(text)
    os.replace(part, root / "manifest.json")
    return open_dataset(root)


def _path(dataset_id: str, path: str) -> str:
    return f"/v1/datasets/{urllib.parse.quote(dataset_id, safe='')}/files/{urllib.parse.quote(path, safe='')}"


def _fetch(client: Client, dataset_id: str, file: DatasetFile, root: Path) -> None:
    target = root / file.path
    if target.is_file() and target.stat().st_size == file.bytes and sha256_of(target) == file.sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    for attempt in range(1, TRIES + 1):
        try:
            _fetch_rest(client, dataset_id, file, part)
            break
        except (OSError, http.client.HTTPException) as error:
            # The connection broke in the middle of the body; what came is kept.
            if attempt == TRIES:
                raise ApiError(0, "connection_failed", f"{file.path}: {error}") from None
    if part.stat().st_size != file.bytes or sha256_of(part) != file.sha256:
        part.unlink()
        raise DatasetError(f"{file.path} is not what the manifest says: its size or its SHA-256 differs")
    os.replace(part, target)


def _fetch_rest(client: Client, dataset_id: str, file: DatasetFile, part: Path) -> None:
    have = part.stat().st_size if part.is_file() else 0
    if have > file.bytes:
        part.unlink()
        have = 0
    if have == file.bytes and part.is_file():
        return
    headers = {"accept": "*/*"} | ({"range": f"bytes={have}-"} if have > 0 else {})
    with client.open("GET", _path(dataset_id, file.path), headers=headers) as response:
        goes_on = response.status == 206
        with part.open("ab" if goes_on else "wb") as output:
            room = file.bytes - (have if goes_on else 0)
            while piece := response.read(_PIECE):
                room -= len(piece)
                if room < 0:
                    raise DatasetError(f"{file.path} is larger than the manifest says")
                output.write(piece)
            output.flush()
            os.fsync(output.fileno())
    if room > 0:
        raise ConnectionError("the file ended early")

