import json
import re

from shared.domain.identifiers import new_uuid7
from tools.bench.filling import authorization, connection, creates

URL = "http://127.0.0.1:8081/dbs/ssak8/colls/kakaos/docs"
CUSTOMER = "01a205fe-cbad-7ab8-aecc-66aadb6a8825"
DOCUMENT = {"id": f"{CUSTOMER}.registered", "customerId": CUSTOMER, "type": "message", "_etag": '"1"', "_ts": 1}


def test_copies_differ_in_the_customer_only() -> None:
    ids = [new_uuid7() for _ in range(3)]
    requests = list(creates(URL, CUSTOMER, DOCUMENT, "bG9jYWw=", ids))

    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in requests]
    customers = [body["customerId"] for body in bodies]
    assert customers == ids
    assert bodies == [{"id": f"{new}.registered", "customerId": new, "type": "message"} for new in customers]
    for request, new in zip(requests, customers, strict=True):
        assert f'x-ms-documentdb-partitionkey: ["{new}"]\r\n'.encode() in request
        length = re.search(rb"Content-Length: (\d+)", request)
        assert length
        assert int(length[1]) == len(request.partition(b"\r\n\r\n")[2])


def test_a_request_is_signed_as_cosmos_db_wants_it() -> None:
    # Computed with the SDK of Microsoft for the same key, resource and date.
    token = authorization("bG9jYWw=", "dbs/ssak8/colls/kakaos", "Thu, 26 Nov 2026 10:00:00 GMT")

    assert token == "type%3Dmaster%26ver%3D1.0%26sig%3DVkEV5cPmuGFPzWbdjVq80iBs0S2QqNIcteJFf6K%2FNMk%3D"


def test_a_connection_string_keeps_the_equals_signs_of_its_key() -> None:
    assert connection("AccountEndpoint=http://127.0.0.1:1/;AccountKey=bG9jYWw=;")["AccountKey"] == "bG9jYWw="
