"""The calls of the original's document, through the gateway and at each app's own port."""

import re

import pytest

from tests.end_to_end.house import YEON, House

UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.mark.parametrize("service", ["gateway", "customer"])
async def test_a_registration_answers_201_with_location_etag_and_links(house: House, service: str) -> None:
    answer = await house.call("POST", "/customers", service=service, json=YEON)

    url = f"{house.stack.url(service)}/customers/{answer.body['id']}"
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/hal+json"
    assert (answer.headers["Location"], answer.headers["ETag"]) == (url, '"1"')
    assert re.fullmatch(UUID7, answer.body["id"])
    assert answer.body["_links"] == {"self": {"href": url}, "customer": {"href": url}}
    assert [answer.body[name] for name in ("customerName", "customerAddress", "customerAge", "version")] == [
        "yeon",
        "incheon",
        20,
        1,
    ]


@pytest.mark.parametrize("through_gateway", [True, False])
async def test_a_registration_is_found_in_all_three_services(house: House, through_gateway: bool) -> None:
    customer_id = await house.register()
    await house.view_says(customer_id, "REGISTERED")

    for service, path in [
        ("customer", f"/customers/{customer_id}"),
        ("kakao", f"/kakaos/{customer_id}.registered"),
        ("customerview", f"/customerViews/{customer_id}"),
    ]:
        answer = await house.call("GET", path, service="gateway" if through_gateway else service)
        assert answer.status == 200
        assert answer.body["customerName"] == "yeon"
        assert answer.body["_links"]["self"]["href"].endswith(path)


@pytest.mark.parametrize(
    ("service", "collection"), [("customer", "customers"), ("kakao", "kakaos"), ("customerview", "customerViews")]
)
async def test_lists_embed_their_items_newest_first(house: House, service: str, collection: str) -> None:
    customer_id = await house.register()
    await house.view_says(customer_id, "REGISTERED")

    for called in ("gateway", service):
        answer = await house.call("GET", f"/{collection}", service=called)
        assert answer.status == 200
        assert answer.body["page"] == {"size": 20}
        assert answer.body["_embedded"][collection][0]["id"].startswith(customer_id)


async def test_paging_shows_every_customer_once_and_ends(house: House) -> None:
    ids = [await house.register() for _ in range(5)]

    seen: list[str] = []
    path = "/customers?size=2"
    while len(seen) < len(ids):
        page = (await house.call("GET", path)).body
        seen += [customer["id"] for customer in page["_embedded"]["customers"]]
        path = page["_links"]["next"]["href"] if len(seen) < len(ids) else ""

    assert seen[: len(ids)] == ids[::-1]


async def test_the_last_page_has_no_next_link(house: House) -> None:
    await house.register()
    path, pages = "/kakaos?size=100", 0
    while path:
        page = (await house.call("GET", path)).body
        path = page["_links"].get("next", {}).get("href", "")
        pages += 1

    assert pages >= 1
    assert 1 <= len(page["_embedded"]["kakaos"]) <= 100


async def test_a_cancelled_customer_is_gone_alerted_and_seen_as_cancelled(house: House) -> None:
    customer_id = await house.register()

    answer = await house.call("DELETE", f"/customers/{customer_id}")

    assert (answer.status, answer.text) == (204, "")
    assert (await house.call("GET", f"/customers/{customer_id}")).status == 404
    assert (await house.call("DELETE", f"/customers/{customer_id}")).status == 404
    await house.view_says(customer_id, "CANCELED")
    await house.alerted(customer_id)


async def test_a_message_can_be_sent_without_a_customer_as_in_the_original(house: House) -> None:
    answer = await house.call("POST", "/kakaos", json=YEON)

    assert answer.status == 201
    assert (answer.body["kind"], answer.body["status"], answer.body["provider"]) == ("notice", "sandboxed", "sandbox")
    assert (await house.call("GET", answer.headers["Location"])).body["text"] == "[싹8] yeon님께 알려드립니다."


async def test_health_answers_for_every_app(house: House) -> None:
    for service in ("customer", "kakao", "customerview"):
        answer = await house.call("GET", "/health", service=service)
        assert (answer.status, answer.body) == (200, {"status": "UP", "services": [service], "version": "development"})
