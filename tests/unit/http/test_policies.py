"""Links between the versions of a policy, and what an incomplete one is answered with."""

import json
from collections.abc import Iterator

import azure.functions as func
import pytest

from shared.domain.privacy_policy import PrivacyPolicy
from shared.http.policies import policy_response
from shared.wiring.interface import privacy_policy
from tests.unit.functions.world import ENVIRONMENT, World, forget_settings
from tests.unit.shared.test_privacy_settings import POLICY

VERSIONS = ["2026-12-01", "2027-03-01", "2027-09-01"]
REQUEST = func.HttpRequest("GET", "http://localhost/privacy", headers={}, body=b"")


@pytest.mark.parametrize(
    ("version", "relations"),
    [
        (VERSIONS[0], {"successor-version": VERSIONS[1]}),
        (VERSIONS[1], {"predecessor-version": VERSIONS[0], "successor-version": VERSIONS[2]}),
        (VERSIONS[2], {"predecessor-version": VERSIONS[1]}),
    ],
)
def test_links_lead_to_the_versions_before_and_after(version: str, relations: dict[str, str]) -> None:
    policy = PrivacyPolicy(dict.fromkeys(VERSIONS, "text"), {})

    response = policy_response(REQUEST, "https://ssak8.example.com", policy, version, "no-cache")

    base = "https://ssak8.example.com/privacy"
    links = [f'<{base}>; rel="latest-version"', *(f'<{base}/{to}>; rel="{name}"' for name, to in relations.items())]
    assert response.headers["Link"] == ", ".join(links)
    assert response.headers["Content-Location"] == f"{base}/{version}"


def test_another_detail_gives_another_tag() -> None:
    tags = {
        policy_response(
            REQUEST, "http://localhost", PrivacyPolicy({"2026-12-01": "{PRIVACY_PHONE}"}, details), "2026-12-01", "x"
        ).headers["ETag"]
        for details in ({"PRIVACY_PHONE": "02-123-4567"}, {"PRIVACY_PHONE": "02-123-4568"})
    }

    assert len(tags) == 2


@pytest.fixture
def without_details(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in POLICY:
        monkeypatch.delenv(name, raising=False)
    environment = {name: value for name, value in ENVIRONMENT.items() if name not in POLICY}
    yield World(monkeypatch, {**environment, "ACCESS": "open"})
    monkeypatch.undo()
    forget_settings()


async def test_without_the_operators_details_it_says_which_settings_are_missing(without_details: World) -> None:
    version = privacy_policy().versions[0]
    for function, parameters in (("get-privacy-policy", {}), ("get-privacy-policy-version", {"version": version})):
        response = await without_details.call(function, {}, parameters)

        assert response.status_code == 404
        assert all(name in json.loads(response.get_body())["detail"] for name in POLICY)
