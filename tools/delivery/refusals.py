"""What the templates would refuse (infra/bicep/refusals.bicep), found before anything is deployed, with its remedy.

An environment has real customers if its parameters ask for the reasons of an exception.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared.session_keys import read_public_keys
from shared.settings import Access, Settings
from tools.delivery.environments import Environment, Template

ACCESS = "ACCESS"
OPEN_REASON = "OPEN_ACCESS_REASON"
REGION_REASON = "FOREIGN_REGION_REASON"
PUBLIC_KEYS = "SESSION_PUBLIC_KEYS"
KAKAO_LOGIN = "KAKAO_LOGIN_CLIENT_ID"
BASE_URL = "PUBLIC_BASE_URL"
PRIVACY_PREFIX = "PRIVACY_"
# What Kakao and Entra ID send people back to, and what browsers send as Origin.
BARE_ADDRESS = re.compile(r"https://[a-z0-9.-]+(:\d+)?")
KOREA = ("koreacentral", "koreasouth")


def refusals(environment: Environment, template: Template) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do or to run."""
    read = environment.read_variables(template)
    if REGION_REASON in read and environment.location not in KOREA and not os.environ.get(REGION_REASON):
        what = (
            f"AZURE_LOCATION is {environment.location}, outside Korea, where the privacy policy says that all data is."
        )
        yield what, f"export AZURE_LOCATION={KOREA[0]}, or export {REGION_REASON}=… once the policy says otherwise"
    if ACCESS not in read:
        return
    access = os.environ.get(ACCESS, Access.CUSTOMERS)
    if access not in tuple(Access):
        yield f"{ACCESS} is {access!r}.", f"unset {ACCESS}, or export {ACCESS}={Access.OPEN}"
    elif access == Access.CUSTOMERS:
        yield from _missing_for_customers(read)
    elif OPEN_REASON in read and not os.environ.get(OPEN_REASON):
        what = f"{ACCESS} is {access}, and {environment.name} has real customers: all could see and cancel each other."
        yield what, f"unset {ACCESS}, or export {OPEN_REASON}=… to say why everybody may call"


def _missing_for_customers(read: list[str]) -> Iterator[tuple[str, str]]:
    make = f"export {PUBLIC_KEYS}=$(.venv/bin/python -m tools.sessions keys FILE), which makes a key into a new FILE"
    if not (keys := os.environ.get(PUBLIC_KEYS)):
        yield f"{PUBLIC_KEYS} is not set: no customer could be recognised.", make
    else:
        try:
            read_public_keys(keys)
        except ValueError as error:
            yield f"{PUBLIC_KEYS} {error}.", make
    if not os.environ.get(KAKAO_LOGIN):
        what = f"{KAKAO_LOGIN} is not set: nobody could sign in to my page."
        yield what, f"export {KAKAO_LOGIN}=…, the REST API key of your app at Kakao Developers: docs/kakao-login.md"
    if (url := os.environ.get(BASE_URL)) and not BARE_ADDRESS.fullmatch(url):
        what = f"{BASE_URL} is {url}, which is no address of my page."
        yield what, f"export {BASE_URL}=https://ssak8.example.org without a path, or unset it: docs/custom-domain.md"
    if missing := [name for name in read if name.startswith(PRIVACY_PREFIX) and not os.environ.get(name)]:
        what = f"Not set, and part of the privacy policy: {', '.join(missing)}."
        yield what, "export each of them: docs/privacy-policy.md says what they are"
    for name in read:
        if name.startswith(PRIVACY_PREFIX) and (wrong := _wrong(name, os.environ.get(name))):
            yield f"{name} {wrong}.", f"export {name}=…, as docs/privacy-policy.md shows it"


def _wrong(setting: str, value: str | None) -> str | None:
    """Why the apps would not start with this value of a setting; None if they would."""
    try:
        annotation: Any = Settings.model_fields[setting.lower()].annotation
        accepted: TypeAdapter[object] = TypeAdapter(annotation)
        accepted.validate_python(value or None)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return None
