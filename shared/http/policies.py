"""How a version of the privacy policy looks from outside."""

import hashlib
from typing import Final

import azure.functions as func

from shared.domain.privacy_policy import PrivacyPolicy
from shared.http.requests import names_entity_tag

MEDIA_TYPE: Final = "text/markdown"
COLLECTION: Final = "privacy"
LANGUAGE: Final = "ko"

# Which version is in effect changes at midnight, so a cache asks each time, and is told that nothing has changed.
UNTIL_ASKED: Final = "public, no-cache"
# A version changes only if the operator's own details do, such as a telephone number.
FOR_AN_HOUR: Final = "public, max-age=3600"


def policy_response(
    request: func.HttpRequest, base_url: str, policy: PrivacyPolicy, version: str, cached: str
) -> func.HttpResponse:
    """The text in Korean, or 304. Links lead to the versions before and after it (RFC 8288, RFC 5829).

    `cached`: Cache-Control. Raises NotFound.
    """
    text = policy.text(version).encode()
    tag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": cached,
        "Content-Location": _url(base_url, version),
        "Link": _links(base_url, policy, version),
    }
    if names_entity_tag(request, tag):
        return func.HttpResponse(status_code=304, headers=headers)
    headers["Content-Language"] = LANGUAGE
    return func.HttpResponse(text, headers=headers, mimetype=MEDIA_TYPE, charset="utf-8")


def _url(base_url: str, version: str) -> str:
    return f"{base_url}/{COLLECTION}/{version}"


def _links(base_url: str, policy: PrivacyPolicy, version: str) -> str:
    """`latest-version` is the one in effect; its successor, if there is one, has been announced."""
    links = {"latest-version": f"{base_url}/{COLLECTION}"}
    for relation, other in (
        ("predecessor-version", policy.before(version)),
        ("successor-version", policy.after(version)),
    ):
        if other:
            links[relation] = _url(base_url, other)
    return ", ".join(f'<{url}>; rel="{relation}"' for relation, url in links.items())
