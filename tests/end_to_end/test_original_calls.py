"""The calls in the original's document, through the gateway and at each app's own port."""

import re

import pytest

from shared.version import DEVELOPMENT
from tools.play.apps import COLLECTIONS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON

UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.mark.parametrize("service", ["gateway", "customer"])
async def test_a_registration_answers_201_with_location_etag_and_links(system: LocalSystem, service: str) -> None:
    response = await system.call("POST", "/customers", service=service, json=YEON)

    url = f"{system.stack.url(service)}/customers/{response.body['id']}"
    assert response.status == 201
    assert response.headers["Content-Type"] == "application/hal+json"
    assert (response.headers["Location"], response.headers["ETag"]) == (url, '"1"')
    assert re.fullmatch(UUID7, response.body["id"])
    assert response.body["_links"] == {"self": {"href": url}, "customer": {"href": url}}
    assert [response.body[name] for name in ("customerName", "customerAddress", "customerAge", "version")] == [
        "yeon",
        "incheon",
        20,
        1,
    ]


@pytest.mark.parametrize("through_gateway", [True, False])
async def test_a_registration_is_found_in_all_three_services(system: LocalSystem, through_gateway: bool) -> None:
    customer_id = await system.register()
    await system.wait_for_view(customer_id, "REGISTERED")

    for service, path in [
        ("customer", f"/customers/{customer_id}"),
        ("kakao", f"/kakaos/{customer_id}.registered"),
        ("customerview", f"/customerViews/{customer_id}"),
    ]:
        response = await system.call("GET", path, service="gateway" if through_gateway else service)
        assert response.status == 200
        assert response.body["customerName"] == "yeon"
        assert response.body["_links"]["self"]["href"].endswith(path)


@pytest.mark.parametrize(("service", "collection"), COLLECTIONS.items())
async def test_lists_embed_their_items_newest_first(system: LocalSystem, service: str, collection: str) -> None:
    customer_id = await system.register()
    await system.wait_for_view(customer_id, "REGISTERED")

    for called in ("gateway", service):
        response = await system.call("GET", f"/{collection}", service=called)
        assert response.status == 200
        assert response.body["page"] == {"size": 20}
        assert response.body["_embedded"][collection][0]["id"].startswith(customer_id)


async def test_paging_shows_every_customer_once(system: LocalSystem) -> None:
    ids = [await system.register() for _ in range(5)]

    seen: list[str] = []
    path = "/customers?size=2"
    while len(seen) < len(ids):
        page = (await system.call("GET", path)).body
        seen += [customer["id"] for customer in page["_embedded"]["customers"]]
        path = page["_links"]["next"]["href"] if len(seen) < len(ids) else ""

    assert seen[: len(ids)] == ids[::-1]


async def test_the_last_page_has_no_next_link(system: LocalSystem) -> None:
    await system.register()
    path, pages = "/kakaos?size=100", 0
    while path:
        page = (await system.call("GET", path)).body
        path = page["_links"].get("next", {}).get("href", "")
        pages += 1

    assert pages >= 1
    assert 1 <= len(page["_embedded"]["kakaos"]) <= 100


async def test_a_cancelled_customer_is_gone_alerted_and_shown_as_cancelled(system: LocalSystem) -> None:
    customer_id = await system.register()

    response = await system.call("DELETE", f"/customers/{customer_id}")

    assert (response.status, response.text) == (204, "")
    assert (await system.call("GET", f"/customers/{customer_id}")).status == 404
    assert (await system.call("DELETE", f"/customers/{customer_id}")).status == 404
    await system.wait_for_view(customer_id, "CANCELED")
    await system.wait_for_alert(customer_id)


async def test_a_message_can_be_sent_without_a_customer_as_in_the_original(system: LocalSystem) -> None:
    response = await system.call("POST", "/kakaos", json=YEON)

    assert response.status == 201
    message = response.body
    assert (message["kind"], message["status"], message["provider"]) == ("notice", "sandboxed", "sandbox")
    assert (await system.call("GET", response.headers["Location"])).body["text"] == "[싹8] yeon님께 알려드립니다."


async def test_health_answers_for_every_app(system: LocalSystem) -> None:
    for service in COLLECTIONS:
        response = await system.call("GET", "/health", service=service)
        assert response.status == 200
        assert response.body == {"status": "UP", "services": [service], "version": DEVELOPMENT, "access": "open"}
