"""The privacy policy is there for everybody, complete, and in a form that caches and browsers understand."""

import re
import tomllib

from shared.adapters.privacy_policies import read_policy_texts
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.people import CustomersSystem

VERSION = max(read_policy_texts())
OWN = {
    name: value
    for name, value in tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))["settings"].items()
    if name.startswith("PRIVACY_")
}


async def test_everybody_can_read_it_whole(customers_system: CustomersSystem) -> None:
    response = await customers_system.call("GET", "/privacy")

    assert (response.status, response.headers["Content-Type"]) == (200, "text/markdown; charset=utf-8")
    assert response.headers["Content-Language"] == "ko"
    assert response.text.startswith("# 개인정보 처리방침\n")
    assert len(OWN) == 11
    assert all(value in response.text for value in OWN.values())
    assert not re.search(r"[{}]", response.text)


async def test_links_lead_to_the_version_and_back(customers_system: CustomersSystem) -> None:
    base = customers_system.stack.url("gateway")
    in_effect = await customers_system.call("GET", "/privacy")

    version = await customers_system.call("GET", in_effect.headers["Content-Location"])

    assert version.text == in_effect.text
    assert in_effect.headers["Content-Location"] == f"{base}/privacy/{VERSION}"
    assert f'<{base}/privacy>; rel="latest-version"' in version.headers["Link"]


async def test_nothing_is_sent_again_to_who_has_it(customers_system: CustomersSystem) -> None:
    for path in ("/privacy", f"/privacy/{VERSION}"):
        first = await customers_system.call("GET", path)
        head = await customers_system.call("HEAD", path)
        again = await customers_system.call("GET", path, headers={"If-None-Match": f"W/{first.headers['ETag']}"})
        other = await customers_system.call("GET", path, headers={"If-None-Match": '"another"'})

        assert (head.status, head.text, head.headers["ETag"]) == (200, "", first.headers["ETag"])
        assert (again.status, again.text, again.headers["ETag"]) == (304, "", first.headers["ETag"])
        assert (other.status, other.text) == (200, first.text)
        assert {each.headers["Cache-Control"] for each in (first, head, again)} == {first.headers["Cache-Control"]}
        assert first.headers["Cache-Control"].startswith("public")


async def test_another_version_is_404_and_the_answer_says_which_there_are(customers_system: CustomersSystem) -> None:
    for version in ("2020-01-01", "latest", f"{VERSION}.ko.md"):
        response = await customers_system.call("GET", f"/privacy/{version}")

        assert response.status == 404, version
    response = await customers_system.call("GET", "/privacy/2020-01-01")
    assert VERSION in response.body["detail"]
