"""The commands: their options, what they refuse, and comparing two variants."""

import pytest

from tools.bench import pairs
from tools.bench.__main__ import command_line, main
from tools.bench.measurements import MEASUREMENTS, registering, restart
from tools.bench.options import read_options, scaled


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_the_defaults_of_a_command_are_those_of_its_measurement(name: str) -> None:
    kind = MEASUREMENTS[name].options

    assert read_options(kind, command_line().parse_args([name])) == kind()


def test_options_are_read_by_type() -> None:
    parsed = command_line().parse_args(["restart", "--services", "kakao", "gateway", "--seconds", "4"])

    assert read_options(restart.Options, parsed) == restart.Options(services=["kakao", "gateway"], seconds=4)


def test_scaling_shortens_durations_and_nothing_else() -> None:
    assert scaled(registering.Options(), 0.1) == registering.Options(seconds=6, warm_up=5)
    assert scaled(registering.Options(), 0.001).seconds == 1


def test_pairs_without_a_difference_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs"]) == 1
    assert "give --base REVISION or FOLDER, or --set NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "said"),
    [("SSAK8_SERVICES=kakao", "SSAK8_SERVICES is set in local-azure.toml, which wins"), ("KAKAO", "not NAME=VALUE")],
)
def test_a_setting_that_would_have_no_effect_is_refused(
    setting: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["pairs", "--set", setting])

    assert said in capsys.readouterr().err


def test_pairs_show_the_medians_and_their_ratio() -> None:
    base = [{"rate": rate, "p95": 0.2, "cpu": {"customer": 2.0, "kakao": 1.0}} for rate in (100, 90, 400)]
    here = [{"rate": rate, "p95": 0.1, "cpu": {"customer": 1.0, "gateway": 0.5}} for rate in (150, 140, 160)]

    assert pairs.rows(base, here) == [
        ["rate, /s", "100", "150", "1.500"],
        ["p95, ms", "200", "100", "0.500"],
        ["CPU a registration, ms", "3.00", "1.50", "0.500"],
        ["  customer", "2.00", "1.00", "0.500"],
        ["  gateway", "0.00", "0.50", "–"],
    ]


def test_without_py_spy_the_fix_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)

    assert main(["profile", "kakao", "--generator", "built-in"]) == 1
    assert "uv tool install py-spy" in capsys.readouterr().err
