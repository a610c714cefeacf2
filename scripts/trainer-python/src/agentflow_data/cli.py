"""`agentflow-data list | download | verify | register`.

The key comes from AGENTFLOW_API_KEY, so that it stands in no shell history; AGENTFLOW_URL or --url names the service.
Exit status 1 is a refusal or a finding, 2 a wrong command line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .client import ApiError, Client
from .dataset import DatasetError, open_dataset
from .download import download
from .verify import verify

DEFAULT_URL = "http://127.0.0.1:8787"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (ApiError, DatasetError, OSError, ValueError) as error:
        print(f"agentflow-data: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agentflow-data", description="Flow-GRPO datasets of AgentFlow Edge.")
    parser.add_argument("--url", default=os.environ.get("AGENTFLOW_URL", DEFAULT_URL), help="where the service is")
    commands = parser.add_subparsers(required=True, metavar="command")
    listing = commands.add_parser("list", help="the datasets there are, newest first")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    listing.set_defaults(run=_list)
    loading = commands.add_parser("download", help="a dataset into a folder, checked against its manifest")
    loading.add_argument("dataset_id")
    loading.add_argument("folder", nargs="?", help="the dataset's id unless given")
    loading.set_defaults(run=_download)
    checking = commands.add_parser("verify", help="the six rules of the contract over a downloaded dataset")
    checking.add_argument("folder")
    checking.set_defaults(run=_verify)
    _add_register(commands.add_parser("register", help="name a trained planner, and have it serve new runs"))
    return parser


def _add_register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version")
    parser.add_argument("--base-url", help="OpenAI-compatible endpoint that serves it")
    parser.add_argument("--model", help="its name there")
    parser.add_argument("--secret", help="name of the secret that holds the endpoint's key")
    parser.add_argument("--logprobs-mode", choices=["processed", "raw"], help="what the endpoint's log-probs are of")
    parser.add_argument("--offline-weights", type=Path, help="a weights file of the offline planner instead")
    parser.add_argument("--dataset", action="append", default=[], help="a dataset it was trained on; may be repeated")
    parser.add_argument("--activate", action="store_true", help="new runs go to it")
    parser.set_defaults(run=_register)


def _client(options: argparse.Namespace) -> Client:
    return Client(options.url, os.environ.get("AGENTFLOW_API_KEY") or None)


def _list(options: argparse.Namespace) -> int:
    for row in _client(options).list_datasets():
        if options.json:
            print(json.dumps(row))
            continue
        counts = row["counts"]
        print(f"{row['id']}  {row['created_at']}  {counts['turns']} turns in {counts['groups']} groups  {row['advantage_spec']}")
    return 0


def _download(options: argparse.Namespace) -> int:
    dataset = download(_client(options), options.dataset_id, options.folder or options.dataset_id)
    size = sum(file.bytes for file in dataset.files)
    print(f"{dataset.id}: {len(dataset.files)} files, {size} bytes, in {dataset.folder}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    dataset = open_dataset(options.folder)
    found = verify(dataset)
    for finding in found:
        print(finding)
    counts = dataset.manifest["counts"]
    if not found:
        print(f"{dataset.id}: {counts['turns']} turns, {counts['rollouts']} rollouts, {counts['groups']} groups keep the six rules")
    return 1 if found else 0


def _register(options: argparse.Namespace) -> int:
    client = _client(options)
    policy = client.register_policy(options.version, _registration(options))
    print(f"{options.version}: registered, step {policy['policy_step']}")
    if options.activate:
        client.activate_policy(options.version)
        print(f"{options.version}: active")
    return 0


def _registration(options: argparse.Namespace) -> dict[str, Any]:
    hosted = {
        "base_url": options.base_url,
        "model": options.model,
        "secret": options.secret,
        "logprobs_mode": options.logprobs_mode,
    }
    given = {name: value for name, value in hosted.items() if value is not None}
    lineage = {"datasets": options.dataset} if options.dataset else {}
    if options.offline_weights is None:
        if options.base_url is None or options.model is None:
            raise ValueError("register needs --base-url and --model, or --offline-weights")
        return {**given, **lineage}
    if given:
        raise ValueError("--offline-weights stands alone: the offline planner has no endpoint")
    weights = json.loads(options.offline_weights.read_text(encoding="utf-8"))
    return {"engine": "offline", "weights": weights, **lineage}


if __name__ == "__main__":
    sys.exit(main())
