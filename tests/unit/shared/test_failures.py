import json
from pathlib import Path

import pytest

from shared.domain.customer import CustomerDetails
from shared.failures import described


def test_it_is_told_where_our_own_code_called_what_raised() -> None:
    with pytest.raises(ValueError, match="validation error") as raised:
        CustomerDetails.model_validate({"customerName": "secret-name"})

    line = described(raised.value)

    assert line.startswith("ValidationError at ")
    own, library = line.partition(" at ")[2].split(" > ")
    assert Path(own.rpartition(":")[0]) == Path(__file__)
    assert "pydantic" in library
    assert "secret" not in line


def test_what_our_own_code_raised_is_told_once() -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        raise json.JSONDecodeError("secret", "secret", 0)

    assert described(raised.value).count(Path(__file__).name) == 1
