"""What it takes to know callers on this machine: keys that are made here, and the settings that name them."""

import json
import os
import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tools import sessions

ISSUER: Final = "https://sessions.ssak8.test"
AUDIENCE: Final = "ssak8"
KEY_BYTES: Final = 32
# As in shared/settings.py, which takes a quarter of a second to import: everybody would wait for it at the start.
ACCESS: Final = ("open", "customers")
MY_PAGE: Final = "web"

SIGNING, NEXT, RETIRING = "session-key.json", "next-session-key.json", "retiring-session-key.json"
OWNER_KEY, COOKIE_KEY, SETTINGS = "owner-key", "cookie-key", "settings.json"


class SessionKeys:
    """The keys in a folder, and the settings file there, for `local-azure up --settings`.

    The key that signs changes in three steps: `publish` the next one, `sign` with it, `retire` the one before. After
    the first and the last, every app has to restart; after the second, my page, which signs. All raise SessionsError.
    """

    def __init__(self, folder: Path, access: str = "") -> None:
        """`folder`: where they are; see `made_in`. `access`: of the settings; empty: as it is."""
        self._folder = folder
        self.settings = folder / SETTINGS
        self._access = access or self._access_of_settings()

    @classmethod
    def made_in(cls, folder: Path, access: str = "customers") -> "SessionKeys":
        """Makes the folder, the keys that are missing, and the settings. Keys that are there stay as they are."""
        folder.mkdir(parents=True, exist_ok=True)
        keys = cls(folder, access)
        if not (folder / SIGNING).exists():
            sessions.create(folder / SIGNING)
        for name in (OWNER_KEY, COOKIE_KEY):
            if not (folder / name).exists():
                _write(folder / name, secrets.token_urlsafe(KEY_BYTES))
        keys._write_settings()
        return keys

    def tokens(self, subjects: Iterable[str]) -> list[str]:
        """A token for each of these customers, signed with the key of this moment. Raises ValueError too."""
        issuer = sessions.issuer_with(self._folder / SIGNING, ISSUER, AUDIENCE)
        return [issuer.token(subject) for subject in subjects]

    def token(self, subject: str) -> str:
        """A token for this customer. Raises ValueError too."""
        return self.tokens([subject])[0]

    def publish(self) -> None:
        """Makes the next key. Apps that restart now accept it; nothing is signed with it yet."""
        self._check(NEXT, there=False, else_="a next key is published already: sign with it")
        self._check(RETIRING, there=False, else_="the key before this one has not retired: retire it first")
        sessions.create(self._folder / NEXT)
        self._write_settings()

    def sign(self) -> None:
        """Signs with the next key from now on. Tokens of the key before stay valid."""
        self._check(NEXT, there=True, else_="there is no next key: publish one first")
        (self._folder / SIGNING).replace(self._folder / RETIRING)
        (self._folder / NEXT).replace(self._folder / SIGNING)
        self._write_settings()

    def retire(self) -> None:
        """Deletes the key before. Apps that restart now refuse its tokens."""
        self._check(RETIRING, there=True, else_="there is no key to retire: sign with the next one first")
        (self._folder / RETIRING).unlink()
        self._write_settings()

    def _check(self, name: str, *, there: bool, else_: str) -> None:
        if (self._folder / name).exists() is not there:
            raise sessions.SessionsError(else_)

    def _access_of_settings(self) -> str:
        try:
            return str(json.loads(self.settings.read_text(encoding="utf-8"))["Values"]["ACCESS"])
        except (OSError, ValueError, LookupError):
            raise sessions.SessionsError(f"{self.settings} is not as it was made: start the system again") from None

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="ascii")

    def _write_settings(self) -> None:
        files = (self._folder / name for name in (SIGNING, NEXT, RETIRING))
        values = {
            "ACCESS": self._access,
            "SESSION_ISSUER": ISSUER,
            "SESSION_AUDIENCE": AUDIENCE,
            "SESSION_PUBLIC_KEYS": sessions.jwks(*(sessions.read(file) for file in files if file.exists())),
            "OWNER_KEY": self._read(OWNER_KEY),
        }
        # Whoever has these can be any customer: they are for the app that signs.
        private = {"SESSION_PRIVATE_KEY": self._read(SIGNING), "COOKIE_KEY": self._read(COOKIE_KEY)}
        _write(self.settings, json.dumps({"Values": values, "Apps": {MY_PAGE: private}}, indent=2))


def _write(file: Path, text: str) -> None:
    """Replaces the file, which only its owner can read, so that a reader finds the text before or after."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as new:
        new.write(text)
    Path(temporary).replace(file)
