import json
from pathlib import Path

import pytest

from shared.domain.customer import CustomerDetails
from shared.failures import describe_failure


def test_the_line_of_our_own_code_that_led_to_the_error_is_named() -> None:
    with pytest.raises(ValueError, match="validation error") as raised:
        CustomerDetails.model_validate({"customerName": "secret-name"})

    line = describe_failure(raised.value)

    assert line.startswith("ValidationError at ")
    own, library = line.partition(" at ")[2].split(" > ")
    assert Path(own.rpartition(":")[0]) == Path(__file__)
    assert "pydantic" in library
    assert "secret" not in line


def test_an_error_that_our_own_code_raised_is_named_once() -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        raise json.JSONDecodeError("secret", "secret", 0)

    assert describe_failure(raised.value).count(Path(__file__).name) == 1
