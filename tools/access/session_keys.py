"""What ACCESS=customers needs on this machine: keys that are made here, and the settings that name them."""

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
OWNER_KEY_BYTES: Final = 32

SIGNING, NEXT, RETIRING = "session-key.json", "next-session-key.json", "retiring-session-key.json"
OWNER_KEY, SETTINGS = "owner-key", "settings.json"


class SessionKeys:
    """The keys in a folder, and the settings file there, for `local-azure up --settings`.

    The keys change in three steps, after each of which every app has to restart: `publish` the next one, `sign` with
    it, `retire` the one before. All raise SessionsError.
    """

    def __init__(self, folder: Path) -> None:
        """`folder`: where they are; see `made_in`."""
        self._folder = folder
        self.settings = folder / SETTINGS

    @classmethod
    def made_in(cls, folder: Path) -> "SessionKeys":
        """Makes the folder, the keys that are missing, and the settings. What is there already stays as it is."""
        folder.mkdir(parents=True, exist_ok=True)
        keys = cls(folder)
        if not (folder / SIGNING).exists():
            sessions.create(folder / SIGNING)
        if not (folder / OWNER_KEY).exists():
            _write(folder / OWNER_KEY, secrets.token_urlsafe(OWNER_KEY_BYTES))
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

    def _write_settings(self) -> None:
        files = (self._folder / name for name in (SIGNING, NEXT, RETIRING))
        values = {
            "ACCESS": "customers",
            "SESSION_ISSUER": ISSUER,
            "SESSION_AUDIENCE": AUDIENCE,
            "SESSION_PUBLIC_KEYS": sessions.jwks(*(sessions.read(file) for file in files if file.exists())),
            "OWNER_KEY": (self._folder / OWNER_KEY).read_text(encoding="ascii"),
        }
        _write(self.settings, json.dumps({"Values": values}, indent=2))


def _write(file: Path, text: str) -> None:
    """Replaces the file, which only its owner can read, so that a reader finds the text before or after."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as new:
        new.write(text)
    Path(temporary).replace(file)
