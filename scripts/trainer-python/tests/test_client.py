"""The client against a server that behaves badly: cut bodies, wrong bytes, redirects, faults that pass."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import unittest
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from agentflow_data import ApiError, Client, DatasetError, download, verify
from agentflow_data.cli import main

from fixtures import ROOT, CopiedDataset, dataset

Handler = http.server.BaseHTTPRequestHandler


class FakeService:
    """Serves a dataset's folder; `on` puts something else in the place of one answer, `seen` is what was asked."""

    def __init__(self, folder: Path, dataset_id: str) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.on: dict[str, list[Callable[[Handler], None]]] = {}
        service = self

        class Answering(Handler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                service.seen.append((self.command, self.path, dict(self.headers.items()), body))
                waiting = service.on.get(self.path, [])
                if waiting:
                    waiting.pop(0)(self)
                    return
                path = folder / self.path.removeprefix(f"/v1/datasets/{dataset_id}/files/")
                if not path.is_file():
                    send(self, 404, json.dumps({"code": "not_found", "detail": "There is no such file."}).encode())
                    return
                data = path.read_bytes()
                start = int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-")[0])
                send(self, 206 if start else 200, data[start:])

            do_GET = do_PUT = do_POST = answer  # noqa: N815

            def log_message(self, *_args: object) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def send(handler: Handler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    handler.send_response(status)
    for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def cut_after(data: bytes, count: int) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:count])
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.close()

    return answer


class ClientTest(CopiedDataset):
    def setUp(self) -> None:
        self.id = dataset("odd").id
        self.service = FakeService(ROOT / "odd", self.id)
        self.addCleanup(self.service.close)
        self.client = Client(self.service.url, "afk_key", timeout=10)
        self.folder = self.copy("uneven").parent / "downloaded"
        patched = mock.patch("agentflow_data.client.time.sleep")
        patched.start()
        self.addCleanup(patched.stop)

    def path(self, name: str) -> str:
        return f"/v1/datasets/{self.id}/files/{name}"

    def asked(self, name: str) -> list[dict[str, str]]:
        return [headers for _, path, headers, _ in self.service.seen if path == self.path(name)]

    def test_brings_every_file_with_its_bytes_and_the_key_with_each_request(self) -> None:
        loaded = download(self.client, self.id, self.folder)
        self.assertEqual(verify(loaded), [])
        for path in (ROOT / "odd").iterdir():
            self.assertEqual((self.folder / path.name).read_bytes(), path.read_bytes())
        self.assertEqual({headers["Authorization"] for _, _, headers, _ in self.service.seen}, {"Bearer afk_key"})

    def test_does_not_ask_again_for_a_file_that_is_there(self) -> None:
        download(self.client, self.id, self.folder)
        self.service.seen.clear()
        download(self.client, self.id, self.folder)
        self.assertEqual([path for _, path, _, _ in self.service.seen], [self.path("manifest.json")])

    def test_goes_on_where_a_body_was_cut(self) -> None:
        data = (ROOT / "odd" / "turns-00000.parquet").read_bytes()
        self.service.on[self.path("turns-00000.parquet")] = [cut_after(data, 100)]
        self.assertEqual(verify(download(self.client, self.id, self.folder)), [])
        self.assertEqual([headers.get("Range") for headers in self.asked("turns-00000.parquet")], [None, "bytes=100-"])

    def test_leaves_no_file_under_its_name_whose_hash_is_wrong(self) -> None:
        data = bytearray((ROOT / "odd" / "turns-00000.parquet").read_bytes())
        data[10] ^= 1
        self.service.on[self.path("turns-00000.parquet")] = [lambda handler: send(handler, 200, bytes(data))]
        with self.assertRaisesRegex(DatasetError, "SHA-256"):
            download(self.client, self.id, self.folder)
        self.assertFalse((self.folder / "turns-00000.parquet").exists())
        self.assertFalse((self.folder / "manifest.json").exists())
        download(self.client, self.id, self.folder)

    def test_stops_at_a_file_larger_than_the_manifest_says(self) -> None:
        data = (ROOT / "odd" / "turns-00000.parquet").read_bytes() * 2
        self.service.on[self.path("turns-00000.parquet")] = [lambda handler: send(handler, 200, data)]
        with self.assertRaisesRegex(DatasetError, "larger"):
            download(self.client, self.id, self.folder)

    def test_tries_again_what_passes_by_itself(self) -> None:
        self.service.on[self.path("manifest.json")] = [
            lambda handler: send(handler, 503, b"{}"),
            lambda handler: send(handler, 429, b"{}"),
        ]
        self.assertEqual(download(self.client, self.id, self.folder).id, self.id)

    def test_follows_no_redirect_which_would_take_the_key_along(self) -> None:
        elsewhere = {"location": f"{self.service.url}/elsewhere"}
        self.service.on[self.path("manifest.json")] = [lambda handler: send(handler, 302, b"", elsewhere)]
        with self.assertRaisesRegex(ApiError, "302"):
            download(self.client, self.id, self.folder)
        self.assertNotIn("/elsewhere", [path for _, path, _, _ in self.service.seen])

    def test_tells_the_problem_that_the_service_names(self) -> None:
        problem = {"code": "invalid_request", "detail": "Not valid: model.", "errors": [{"field": "model", "detail": "x"}]}
        self.service.on["/v1/policies/v%2F2"] = [lambda handler: send(handler, 422, json.dumps(problem).encode())]
        with self.assertRaisesRegex(ApiError, r"invalid_request \(422\): Not valid: model. \[model: x\]"):
            self.client.register_policy("v/2", {"base_url": "http://gpu/v1", "model": ""})

    def test_says_that_nobody_listens(self) -> None:
        self.service.close()
        with self.assertRaisesRegex(ApiError, "connection_failed"):
            Client(self.service.url, timeout=2).manifest("ds_1")
        self.assertEqual(main(["--url", self.service.url, "list"]), 1)

    def test_lists_page_by_page(self) -> None:
        row = {"id": "ds_1", "created_at": "2026", "advantage_spec": "grpo", "counts": {"turns": 1, "groups": 1}}
        first = {"data": [row], "has_more": True, "next_cursor": "a b"}
        last = {"data": [{**row, "id": "ds_2"}], "has_more": False, "next_cursor": None}
        self.service.on["/v1/datasets"] = [lambda handler: send(handler, 200, json.dumps(first).encode())]
        self.service.on["/v1/datasets?cursor=a+b"] = [lambda handler: send(handler, 200, json.dumps(last).encode())]
        self.assertEqual([one["id"] for one in self.client.list_datasets()], ["ds_1", "ds_2"])

    def test_registers_and_activates_from_the_command_line(self) -> None:
        reply = json.dumps({"version": "v2", "policy_step": 4}).encode()
        self.service.on["/v1/policies/v2"] = [lambda handler: send(handler, 201, reply)]
        self.service.on["/v1/policies/v2/activate"] = [lambda handler: send(handler, 200, reply)]
        arguments = ["--base-url", "http://gpu:8000/v1", "--model", "planner", "--dataset", "ds_1", "--activate"]
        self.assertEqual(main(["--url", self.service.url, "register", "v2", *arguments]), 0)
        method, _, _, body = self.service.seen[0]
        self.assertEqual(method, "PUT")
        self.assertEqual(
            json.loads(body), {"base_url": "http://gpu:8000/v1", "model": "planner", "datasets": ["ds_1"]}
        )

    def test_registers_nothing_without_an_endpoint_or_weights(self) -> None:
        self.assertEqual(main(["--url", self.service.url, "register", "v2"]), 1)
        self.assertEqual(self.service.seen, [])

    def test_the_manifest_of_another_dataset_is_refused(self) -> None:
        other = (ROOT / "uneven" / "manifest.json").read_bytes()
        self.service.on[self.path("manifest.json")] = [lambda handler: send(handler, 200, other)]
        with self.assertRaises(DatasetError):
            download(self.client, self.id, self.folder)

    def test_hashes_are_those_of_the_bytes(self) -> None:
        for file in dataset("odd").files:
            self.assertEqual(hashlib.sha256((ROOT / "odd" / file.path).read_bytes()).hexdigest(), file.sha256)


if __name__ == "__main__":
    unittest.main()
