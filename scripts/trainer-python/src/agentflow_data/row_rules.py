"""Rule 1: what one turn's capture must look like by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

# Some servers write -9999 for a token they have no log-prob of; float32 may lift a sure token a hair above 0.
MIN_LOGPROB = -9000.0
MAX_LOGPROB = 1e-6


def check_capture(row: dict[str, Any]) -> Iterator[str]:
    ids, logprobs, mask = row["response_token_ids"], row["response_logprobs"], row["response_mask"]
    if ids is None:
        if logprobs is not None or mask is not None:
            yield "log-probs or a mask without token ids"
        return
    if mask is None or len(mask) != len(ids):
        yield "the mask is not as long as the token ids"
    if logprobs is None:
        return
    if len(logprobs) != len(ids):
        yield "the log-probs are not as many as the token ids"
    # Not a number fails every comparison, and so is caught by the first.
    if any(value is None or not MIN_LOGPROB < value <= MAX_LOGPROB or math.isinf(value) for value in logprobs):
        yield "a log-prob is missing, not finite, or out of range"
