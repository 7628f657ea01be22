from shared.http.hal import properties_of
from tests.unit.fakes import WITH_PHONE, YEON


def test_a_phone_number_is_shown_with_hyphens() -> None:
    assert properties_of(WITH_PHONE)["customerPhone"] == "010-2345-6789"


def test_without_a_phone_number_none_is_shown() -> None:
    assert properties_of(YEON) == {"customerName": "yeon", "customerAddress": "incheon", "customerAge": 20}
