"""Flow-GRPO datasets of AgentFlow Edge for trainers: list, download, verify, load, and register what was trained.

The tables are facts; the loaders only rearrange them. Nothing here tokenises, fills in a missing log-prob, or trusts
a folder without a manifest. torch and `datasets` are imported only by the functions that return their types.
"""

from .client import ApiError, Client
from .dataproto import DataProtoFields, to_dataproto_fields
from .dataset import Dataset, DatasetError, open_dataset
from .download import download
from .hub import to_datasets
from .rows import LeftOut, rl_rows
from .trl import DatasetRolloutWorker, NoWeightTransfer, RolloutSample, to_rollout_samples
from .verify import Finding, verify

__all__ = [
    "ApiError",
    "Client",
    "DataProtoFields",
    "Dataset",
    "DatasetError",
    "DatasetRolloutWorker",
    "Finding",
    "LeftOut",
    "NoWeightTransfer",
    "RolloutSample",
    "download",
    "open_dataset",
    "rl_rows",
    "to_dataproto_fields",
    "to_datasets",
    "to_rollout_samples",
    "verify",
]
