"""Cookies: their names, how they are written, and those that only this app can read."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HOST_PREFIX: Final = "__Host-"
"""Such a cookie is only ever set by this host, over https, for all of its paths (RFC 6265bis §4.1.3.2)."""

# What a browser keeps of one cookie with its name and attributes (RFC 6265bis §5.6).
LONGEST: Final = 4096


class Cookie:
    """One cookie of this host. On plain http of this machine it has no prefix and is not Secure: browsers differ."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self, origin: str) -> str:
        """Its name for pages of this origin."""
        return f"{HOST_PREFIX}{self._name}" if origin.startswith("https:") else self._name

    def value(self, origin: str, header: str | None) -> str | None:
        """Its value in a Cookie header. None too if it is there twice: nobody knows which one is meant."""
        # Whoever sends the header chooses how long it is: no regular expression that begins anew at each character.
        wanted, pairs = self.name(origin), (pair.partition("=") for pair in (header or "").split(";"))
        values = [value.strip() for name, is_pair, value in pairs if is_pair and name.strip() == wanted]
        return values[0] if len(values) == 1 else None

    def set(self, origin: str, value: str, seconds: int) -> str:
        """The Set-Cookie text. Lax, because people come back from the issuer by a link. Raises ValueError: too long."""
        secure = "; Secure" if origin.startswith("https:") else ""
        text = f"{self.name(origin)}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
        if len(text) > LONGEST:
            raise ValueError(f"the cookie {self._name} is too long for a browser")
        return text

    def end(self, origin: str) -> str:
        """The Set-Cookie text by which the browser forgets it."""
        return self.set(origin, "", 0)


def derived_key(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF, RFC 5869). `secret`: COOKIE_KEY."""
    return HKDF(SHA256(), 32, salt=None, info=f"ssak8 {purpose}".encode()).derive(secret.encode())


class SealedCookie:
    """A cookie that nobody but this app can read or write: Fernet, with a key of its own."""

    def __init__(self, name: str, secret: str, seconds: int) -> None:
        """`secret`: COOKIE_KEY. `seconds`: how long it is valid."""
        self.cookie = Cookie(name)
        self._seconds = seconds
        self._fernet = Fernet(base64.urlsafe_b64encode(derived_key(secret, f"cookie {name}")))

    def set(self, origin: str, content: Mapping[str, str], seconds: int | None = None) -> str:
        """The Set-Cookie text. `seconds`: if it ends earlier. Raises ValueError if it is too long."""
        # Without padding: hosts write a cookie anew, and would encode the equals sign.
        packed = zlib.compress(json.dumps(content).encode(), zlib.Z_BEST_COMPRESSION)  # or a token would be too long
        sealed = self._fernet.encrypt(packed).decode("ascii").rstrip("=")
        return self.cookie.set(origin, sealed, self._seconds if seconds is None else min(seconds, self._seconds))

    def open(self, origin: str, header: str | None) -> Mapping[str, str] | None:
        """What is in it, or None: there is none, it is too old, or it was not made here."""
        value = self.cookie.value(origin, header)
        if not value:
            return None
        try:
            packed = self._fernet.decrypt(value + "=" * (-len(value) % 4), ttl=self._seconds)
            content = json.loads(zlib.decompress(packed))
        except (InvalidToken, ValueError, zlib.error):
            return None
        return content if isinstance(content, dict) else None

    def end(self, origin: str) -> str:
        """The Set-Cookie text by which the browser forgets it."""
        return self.cookie.end(origin)
