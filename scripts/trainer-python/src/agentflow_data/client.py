"""The service's HTTP API as far as a trainer needs it, on the standard library alone.

Every call has a timeout and a cap on what it reads. Redirects are refused: they would carry the key elsewhere. What the
service refuses is an ApiError with the problem's code; what may pass by itself is tried again a few times.
"""

from __future__ import annotations

import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

TIMEOUT_SECONDS = 60.0
# A manifest names a few hundred files at most; a list page is smaller still.
MAX_JSON_BYTES = 16 * 1024 * 1024
TRIES = 4
RETRIED_STATUS = (429, 503)


class ApiError(Exception):
    """What the service, or the way to it, answered instead of the thing asked for."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code} ({status}): {detail}" if status else f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


class Client:
    """Talks to one service with one key. `api_key` is None for `npm start`, which asks for none."""

    def __init__(self, base_url: str, api_key: str | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or parts.netloc == "":
            raise ValueError(f"not the address of a service: {base_url!r}")
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_NoRedirects)

    def open(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The open response, whose body the caller reads and closes. Tries again what may pass by itself."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._opener.open(self._request(method, path, body, headers or {}), timeout=self._timeout)
            except urllib.error.HTTPError as error:
                with error:
                    problem = _to_api_error(error)
                if error.code not in RETRIED_STATUS or attempt == TRIES:
                    raise problem from None
            except (urllib.error.URLError, OSError) as error:
                if attempt == TRIES:
                    raise ApiError(0, "connection_failed", str(getattr(error, "reason", error))) from None
            time.sleep(random.uniform(0.5, 1.0) * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a reply."""
        with self.open(method, path, body) as response:
            raw = response.read(MAX_JSON_BYTES + 1)
        if len(raw) > MAX_JSON_BYTES:
            raise ApiError(0, "reply_too_large", f"{path} answered more than {MAX_JSON_BYTES} bytes")
        return json.loads(raw)

    def list_datasets(self) -> Iterator[dict[str, Any]]:
        """Every dataset of the key's tenant, newest first, page by page."""
        cursor: str | None = None
        while True:
            query = "" if cursor is None else "?" + urllib.parse.urlencode({"cursor": cursor})
            page = self.call("GET", f"/v1/datasets{query}")
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def manifest(self, dataset_id: str) -> dict[str, Any]:
        """The dataset's manifest, with what the service adds about its lineage."""
        return self.call("GET", f"/v1/datasets/{_quoted(dataset_id)}")

    def register_policy(self, version: str, registration: Mapping[str, Any]) -> dict[str, Any]:
        """Names a trained planner: `{base_url, model, …}` or `{engine: "offline", weights}`, with `datasets`.

        The same registration again changes nothing; another one under a known version is refused.
        """
        return self.call("PUT", f"/v1/policies/{_quoted(version)}", dict(registration))

    def activate_policy(self, version: str) -> dict[str, Any]:
        """New runs go to this version from now on."""
        return self.call("POST", f"/v1/policies/{_quoted(version)}/activate")

    def _request(
        self, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> urllib.request.Request:
        sent = {"accept": "application/json", **headers}
        data = None
        if body is not None:
            data = json.dumps(body, allow_nan=False).encode()
        if method != "GET":
            sent["content-type"] = "application/json"
        if self._api_key is not None:
            sent["authorization"] = f"Bearer {self._api_key}"
        return urllib.request.Request(self._base_url + path, data=data, headers=sent, method=method)


def _quoted(part: str) -> str:
    return urllib.parse.quote(part, safe="")


def _to_api_error(error: urllib.error.HTTPError) -> ApiError:
    try:
        problem = json.loads(error.read(64 * 1024))
        fields = "".join(f" [{one['field']}: {one['detail']}]" for one in problem.get("errors", []))
        return ApiError(error.code, str(problem["code"]), f"{problem['detail']}{fields}")
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return ApiError(error.code, "http_error", str(error.reason))
