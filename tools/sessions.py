"""Keys for customers' tokens, and tokens for tests and demonstrations.

`python -m tools.sessions keys FILE`      make a key pair: the private key into FILE, the JWKS to the output
`python -m tools.sessions publish FILE`   make the next key pair, and print the JWKS with its public key as well
`python -m tools.sessions retire`         print the JWKS without the key that was there first
`python -m tools.sessions token SUBJECT`  sign a token for the customer with this number at kakao

SESSION_PUBLIC_KEYS of every app is such a JWKS; `publish` and `retire` change that of the environment. docs/sessions.md
says when. A token is signed with the key in `--key FILE` or SESSION_PRIVATE_KEY, for the SESSION_ISSUER and
SESSION_AUDIENCE of the environment. A private key is never printed.
Exit code 0: done; 1: a file or a key cannot be used; 2: something is missing in the command.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from shared.adapters.session_issuer import SessionIssuer, SigningKey
from shared.session_keys import ALGORITHM, read_public_keys
from tools.command_line import parser, show, show_error

OWNER_ONLY: Final = 0o600
HELP: Final = {
    "keys": "make the first key pair, and print SESSION_PUBLIC_KEYS",
    "publish": "make the next key pair, and print SESSION_PUBLIC_KEYS with both public keys; needs the present value",
    "retire": "print SESSION_PUBLIC_KEYS without its first key; needs the present value, with two keys",
    "token": "print a customer's token, valid for an hour; needs SESSION_ISSUER and SESSION_AUDIENCE",
}
KID_BYTES: Final = 8  # enough never to be drawn twice


class SessionsError(Exception):
    """It cannot be done; the message says why, and shows nothing of a key."""


def create(file: Path) -> SigningKey:
    """Makes a key, and writes it into a new file that only its owner can read."""
    key = SigningKey(secrets.token_hex(KID_BYTES), ec.generate_private_key(ec.SECP256R1()))
    entry = {**ECAlgorithm.to_jwk(key.key, as_dict=True), "kid": key.kid}
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8") as new:
            new.write(json.dumps(entry))
    except FileExistsError:
        raise SessionsError(f"{file} exists; a key is never overwritten, so name another file") from None
    except OSError as error:
        raise SessionsError(f"{file} cannot be written: {error.strerror}") from None
    return key


def read(file: Path) -> SigningKey:
    """The key in a file that `create` wrote."""
    try:
        return SigningKey.read(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SessionsError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SessionsError(f"{file}: {error}") from None


def jwks(*keys: SigningKey) -> str:
    """SESSION_PUBLIC_KEYS for these keys."""
    return json.dumps({"keys": [_entry(key) for key in keys]})


def _entry(key: SigningKey) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(key.key.public_key(), as_dict=True), "kid": key.kid, "alg": ALGORITHM, "use": "sig"}


def with_next(environment: Mapping[str, str], file: Path) -> str:
    """Makes the next key, into this file. SESSION_PUBLIC_KEYS with its public key as well."""
    return json.dumps({"keys": [*_published(environment, 1), _entry(create(file))]})


def without_first(environment: Mapping[str, str]) -> str:
    """SESSION_PUBLIC_KEYS once the first of two keys has retired."""
    return json.dumps({"keys": _published(environment, 2)[1:]})


def _published(environment: Mapping[str, str], expected: int) -> list[dict[str, Any]]:
    """The keys in SESSION_PUBLIC_KEYS, which must be so many."""
    text = environment.get("SESSION_PUBLIC_KEYS", "")
    try:
        read_public_keys(text)
    except ValueError as error:
        raise SessionsError(f"SESSION_PUBLIC_KEYS, which the apps have now, {error}") from None
    entries: list[dict[str, Any]] = json.loads(text)["keys"]
    if len(entries) != expected:
        what = "two keys: one has to retire first" if expected == 1 else "one key, which cannot retire"
        raise SessionsError(f"SESSION_PUBLIC_KEYS has {what}")
    return entries


def issuer_with(file: Path, issuer: str, audience: str) -> SessionIssuer:
    """Signs with the key in a file."""
    return SessionIssuer(read(file), issuer, audience)


def token(subject: str, file: Path | None, environment: Mapping[str, str]) -> str:
    """A token that is valid for an hour."""
    if missing := [name for name in ("SESSION_ISSUER", "SESSION_AUDIENCE") if not environment.get(name)]:
        raise SessionsError(f"{' and '.join(missing)} must be set, as for the apps")
    key = _signing_key(file, environment)
    issuer = SessionIssuer(key, environment["SESSION_ISSUER"], environment["SESSION_AUDIENCE"])
    try:
        return issuer.token(subject)
    except ValueError as error:
        raise SessionsError(str(error)) from None


def _signing_key(file: Path | None, environment: Mapping[str, str]) -> SigningKey:
    if file:
        return read(file)
    if not (text := environment.get("SESSION_PRIVATE_KEY")):
        raise SessionsError("name a file with --key, or set SESSION_PRIVATE_KEY")
    try:
        return SigningKey.read(text)
    except ValueError as error:
        raise SessionsError(f"SESSION_PRIVATE_KEY: {error}") from None


def _options(arguments: list[str] | None) -> argparse.Namespace:
    options = parser("tools.sessions", __doc__)
    commands = options.add_subparsers(dest="command", required=True, metavar="COMMAND")
    added = {name: commands.add_parser(name, help=text, description=text) for name, text in HELP.items()}
    for name in ("keys", "publish"):
        added[name].add_argument("file", metavar="FILE", type=Path, help="a new file, for the private key")
    added["token"].add_argument("subject", metavar="SUBJECT", help="what kakao calls the person")
    added["token"].add_argument(
        "--key", metavar="FILE", type=Path, help="the file with the private key (default: SESSION_PRIVATE_KEY)"
    )
    return options.parse_args(arguments)


def _answer(chosen: argparse.Namespace) -> str:
    match chosen.command:
        case "keys":
            return jwks(create(chosen.file))
        case "publish":
            return with_next(os.environ, chosen.file)
        case "retire":
            return without_first(os.environ)
        case _:
            return token(chosen.subject, chosen.key, os.environ)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, and returns its exit code."""
    try:
        show(_answer(_options(arguments)))
    except SessionsError as error:
        show_error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
