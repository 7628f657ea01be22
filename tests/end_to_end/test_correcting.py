"""Correcting a customer: the answer, the read model, and nobody who is messaged."""

import asyncio
from typing import Any

import pytest

from shared.resources import CUSTOMERS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON, Response
from tools.play.waiting import EVENT_SECONDS, POLL_SECONDS, wait_until

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
SHOWN = {"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20}


async def wait_for_version(system: LocalSystem, customer_id: str, version: int) -> Any:
    """The view, once it has this version."""

    async def has_version() -> bool:
        response = await system.call("GET", f"/customerViews/{customer_id}")
        return response.status == 200 and response.body["version"] == version

    await wait_until(has_version, f"the view of {customer_id} has version {version}", EVENT_SECONDS, POLL_SECONDS)
    return (await system.call("GET", f"/customerViews/{customer_id}")).body


async def patch(system: LocalSystem, customer_id: str, data: str, **headers: str) -> Response:
    return await system.call("PATCH", f"/customers/{customer_id}", data=data, headers={**MERGE_PATCH, **headers})


async def events_of(system: LocalSystem, customer_id: str) -> list[tuple[str, int]]:
    stored = (await system.stored_everywhere(customer_id))[CUSTOMERS]
    events = [document["event"] for document in stored if document["type"] == "event"]
    return sorted(((event["type"], event["data"]["version"]) for event in events), key=lambda event: event[1])


async def test_put_replaces_and_patch_changes_and_the_view_follows_and_nobody_is_messaged(system: LocalSystem) -> None:
    customer_id = await system.register()
    registered_at = (await system.call("GET", f"/customers/{customer_id}")).body["registeredAt"]

    put = await system.call(
        "PUT", f"/customers/{customer_id}", json={**YEON, "customerAge": 21, "customerPhone": "010 2345 6789"}
    )
    patched = await patch(system, customer_id, '{"customerPhone": null, "customerAddress": "seoul", "version": 9}')

    assert (put.status, put.headers["ETag"], put.body["customerPhone"]) == (200, '"2"', "010-2345-6789")
    assert (patched.status, patched.headers["ETag"]) == (200, '"3"')
    assert patched.headers["Content-Type"].startswith("application/hal+json")
    corrected = {**SHOWN, "customerAge": 21, "customerAddress": "seoul"}
    shown = patched.body
    updated_at, links = shown.pop("updatedAt"), shown.pop("_links")
    assert shown == {"id": customer_id, **corrected, "version": 3, "registeredAt": registered_at}
    assert links["self"]["href"].endswith(f"/customers/{customer_id}")
    found = await system.call("GET", f"/customers/{customer_id}")
    assert (found.headers["ETag"], found.body["updatedAt"]) == ('"3"', updated_at)
    view = await wait_for_version(system, customer_id, 3)
    del view["_links"]
    times = {"registeredAt": registered_at, "updatedAt": updated_at}
    assert view == {"id": customer_id, **corrected, "status": "REGISTERED", "version": 3, **times}

    await system.cancel(customer_id)

    await system.wait_for_view(customer_id, "CANCELED")
    await system.wait_for_alert(customer_id)
    view = (await system.call("GET", f"/customerViews/{customer_id}")).body
    assert (view["version"], view["updatedAt"], view["registeredAt"]) == (4, updated_at, registered_at)
    messages = (await system.stored_everywhere(customer_id))["kakaos"]
    assert sorted(message["kind"] for message in messages if message["type"] == "message") == ["canceled", "registered"]
    assert not [name for name in SHOWN if name in str([view, *messages])]
    assert await events_of(system, customer_id) == [
        ("CustomerRegistered", 1),
        ("CustomerUpdated", 2),
        ("CustomerUpdated", 3),
        ("CustomerRegisterCanceled", 4),
    ]


async def test_what_changes_nothing_is_200_with_the_same_etag_and_no_event(system: LocalSystem) -> None:
    customer_id = await system.register()

    answers = [
        await system.call("PUT", f"/customers/{customer_id}", json=YEON),
        await patch(system, customer_id, "{}"),
        await patch(system, customer_id, '{"customerName": " yeon ", "customerPhone": null}'),
        await system.call("PATCH", f"/customers/{customer_id}", json={"customerAge": 20}),
    ]

    assert [(answer.status, answer.headers["ETag"]) for answer in answers] == [(200, '"1"')] * 4
    assert not any("updatedAt" in answer.body for answer in answers)
    assert await events_of(system, customer_id) == [("CustomerRegistered", 1)]


async def test_a_version_that_is_not_the_newest_is_412_and_changes_nothing(system: LocalSystem) -> None:
    customer_id = await system.register()
    first = await patch(system, customer_id, '{"customerAge": 21}', **{"If-Match": '"1"'})
    second = await patch(system, customer_id, '{"customerAge": 22}', **{"If-Match": '"1"'})
    put = await system.call("PUT", f"/customers/{customer_id}", json=YEON, headers={"If-Match": '"1"'})
    unchanged = await patch(system, customer_id, '{"customerAge": 21}', **{"If-Match": '"1"'})
    third = await patch(system, customer_id, '{"customerAge": 22}', **{"If-Match": '"2"'})

    assert [answer.status for answer in (first, second, put, unchanged, third)] == [200, 412, 412, 412, 200]
    assert second.body["type"] == "urn:ssak8:problem:precondition-failed"
    assert third.headers["ETag"] == '"3"'


@pytest.mark.parametrize(
    ("method", "body", "fields"),
    [
        ("PUT", "{}", ["customerName", "customerAddress", "customerAge"]),
        ("PUT", '{"customerName": "a", "customerAddress": "b", "customerAge": 151}', ["customerAge"]),
        ("PATCH", '{"customerName": null, "customerAge": null}', ["customerName", "customerAge"]),
        ("PATCH", '{"customerPhone": "032-345-6789"}', ["customerPhone"]),
        ("PATCH", "[]", ["(body)"]),
    ],
)
async def test_what_cannot_be_is_422_and_changes_nothing(
    system: LocalSystem, method: str, body: str, fields: list[str]
) -> None:
    customer_id = await system.register()

    response = await system.call(
        method, f"/customers/{customer_id}", data=body, headers={"Content-Type": "application/json"}
    )

    assert response.status == 422
    assert [error["field"] for error in response.body["errors"]] == fields
    assert (await system.call("GET", f"/customers/{customer_id}")).headers["ETag"] == '"1"'


async def test_another_media_type_is_415_and_the_answer_says_which_a_patch_may_have(system: LocalSystem) -> None:
    customer_id = await system.register()

    response = await system.call(
        "PATCH", f"/customers/{customer_id}", data="[]", headers={"Content-Type": "application/json-patch+json"}
    )
    put = await system.call("PUT", f"/customers/{customer_id}", data="{}", headers=MERGE_PATCH)

    assert (response.status, put.status) == (415, 415)
    assert response.headers["Accept-Patch"] == "application/merge-patch+json, application/json"


async def test_who_has_cancelled_cannot_be_corrected(system: LocalSystem) -> None:
    customer_id = await system.register()
    await system.cancel(customer_id)

    assert (await patch(system, customer_id, '{"customerAge": 21}')).status == 404
    assert (await system.call("PUT", f"/customers/{customer_id}", json=YEON)).status == 404


async def test_corrections_and_a_cancellation_at_once_leave_nothing_in_between(system: LocalSystem) -> None:
    customer_id = await system.register()
    corrections = [patch(system, customer_id, f'{{"customerAge": {age}}}') for age in (21, 22, 23)]

    *answers, canceled = await asyncio.gather(*corrections, system.call("DELETE", f"/customers/{customer_id}"))

    assert canceled.status == 204
    assert {answer.status for answer in answers} <= {200, 404}
    succeeded = sum(answer.status == 200 for answer in answers)
    await system.wait_for_view(customer_id, "CANCELED")
    view = await wait_for_version(system, customer_id, succeeded + 2)
    assert view["registeredAt"] <= view["canceledAt"]
    assert [version for _, version in await events_of(system, customer_id)] == list(range(1, succeeded + 3))
    assert (await system.call("GET", f"/customers/{customer_id}")).status == 404
