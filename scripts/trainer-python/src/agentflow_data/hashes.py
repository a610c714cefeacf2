"""SHA-256 of a file in bounded memory."""

import hashlib
from pathlib import Path

_PIECE = 1024 * 1024


def sha256_of(path: Path) -> str:
    """Hex, as the manifest writes it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
