"""Access keys. Enforced with --enable-auth only, as in Azure Functions Core Tools."""

import json
import secrets
from collections.abc import Iterable, Mapping
from hmac import compare_digest
from pathlib import Path
from urllib.parse import parse_qs

KEY_HEADER = "x-functions-key"
KEY_PARAMETER = "code"


class Keys:
    """The master key, the host key and one key for each function."""

    def __init__(self, master: str, host: str, functions: Mapping[str, str]) -> None:
        self._master = master
        self._host = host
        self._functions = functions

    @classmethod
    def load(cls, file: Path, functions: Iterable[str]) -> "Keys":
        """Reads the keys in `file`, and generates and stores missing ones. Only the owner may read the file."""
        stored = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        stored_keys = stored.get("functions", {})
        master: str = stored.get("master") or secrets.token_urlsafe(32)
        host: str = stored.get("host") or secrets.token_urlsafe(32)
        function_keys: dict[str, str] = {name: stored_keys.get(name) or secrets.token_urlsafe(32) for name in functions}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        keys = {"master": master, "host": host, "functions": function_keys}
        file.write_text(json.dumps(keys, indent=2), encoding="utf-8")
        return cls(master, host, function_keys)

    def is_master(self, headers: Mapping[str, str], query: bytes) -> bool:
        return _matches(_presented(headers, query), [self._master])

    def allow(self, function: str, level: str, headers: Mapping[str, str], query: bytes) -> bool:
        """Whether the request may call `function`. `level`: its auth level in upper case."""
        if level == "ANONYMOUS":
            return True
        if level == "ADMIN":
            return self.is_master(headers, query)
        return _matches(_presented(headers, query), [self._master, self._host, self._functions[function]])


def _presented(headers: Mapping[str, str], query: bytes) -> str:
    if KEY_HEADER in headers:
        return headers[KEY_HEADER]
    return parse_qs(query.decode("latin-1")).get(KEY_PARAMETER, [""])[0]


def _matches(presented: str, keys: Iterable[str]) -> bool:
    return any(compare_digest(presented.encode(), key.encode()) for key in keys)
