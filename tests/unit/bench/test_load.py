"""Reading what siege prints, and running the built-in generator as a process."""

import pytest

from tools.bench import load
from tools.bench.generator.plan import Call, Plan
from tools.bench.load import LoadError, read_siege, siege_settings

LINES = """\
HTTP/1.1 201     0.10 secs:     400 bytes ==> POST http://127.0.0.1:8080/customers
HTTP/1.1 503     0.02 secs:     200 bytes ==> POST http://127.0.0.1:8080/customers
HTTP/1.1 201     0.30 secs:     400 bytes ==> POST http://127.0.0.1:8080/customers
"""
TEXT = """
Transactions:                      2 hits
Availability:                  50.00 %
Elapsed time:                   1.96 secs
Successful transactions:           2
Failed transactions:               2
"""
JSON = """
{       "transactions":                         2,
        "availability":                        50.00,
        "elapsed_time":                         1.96,
        "successful_transactions":              2,
        "failed_transactions":                  2
}
"""


@pytest.mark.parametrize(("keep_open", "connection"), [(True, "keep-alive"), (False, "close")])
def test_siege_registers_and_does_nothing_else(keep_open: bool, connection: str) -> None:
    plan = Plan(Call(["http://127.0.0.1:1/"], "POST", "{}"), 1, users=7, keep_open=keep_open)

    settings = dict(line.split(" = ") for line in siege_settings(plan).splitlines())

    assert settings["follow-location"] == "false"
    assert (settings["connection"], settings["limit"]) == (connection, "7")


@pytest.mark.parametrize(("output", "errors"), [(LINES, TEXT), (LINES + JSON, ""), (LINES + TEXT, "")])
def test_both_formats_of_siege_are_read(output: str, errors: str) -> None:
    result = read_siege(output, errors, 2)

    assert result.durations == [0.10, 0.30]
    assert result.elapsed == 1.96
    assert result.failures == {"503": 1, "no answer": 1}
    assert not result.note


def test_a_siege_that_hung_is_read_as_far_as_it_printed() -> None:
    result = read_siege(LINES + "HTTP/1.1 2", "Lifting the server siege...", 2, hung=True)

    assert (len(result.durations), result.elapsed) == (2, 2)
    assert "hung" in result.note


def test_a_siege_without_any_answer_is_an_error_that_says_why() -> None:
    with pytest.raises(LoadError, match="unrecognized option"):
        read_siege("", "siege: unrecognized option", 2)


def test_without_siege_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)

    assert load.default_generator() == "built-in"
    with pytest.raises(LoadError, match="--generator built-in"):
        load.run("siege", Plan(Call(["http://127.0.0.1:1/"]), 1, users=1))


def test_a_generator_that_fails_says_why() -> None:
    nobody_listens = Plan(Call(["http://127.0.0.1:1/"]), 0.1, rate=10)

    with pytest.raises(LoadError, match=r"the load generator failed: .*(refused|Connect)"):
        load.run("built-in", nobody_listens)
