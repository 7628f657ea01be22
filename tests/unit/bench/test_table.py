"""The table: what is known of the original, how figures are shown, and what each measurement concludes."""

from collections import Counter

import pytest

from tests.unit.bench.test_figures import result
from tools.bench.bench import Row
from tools.bench.figures import Answer, LoadResult
from tools.bench.measurements.overload import Overloaded, retry_after
from tools.bench.measurements.registering import Registered, by_service
from tools.bench.measurements.restart import Restarted
from tools.bench.original import original, shown
from tools.bench.processes import Spent
from tools.bench.summary import table


def registered(result: LoadResult, cpu: dict[str, float], registrations: int) -> Registered:
    return Registered(result, Spent(cpu, 0, 1), drained=0, registrations=registrations)


def test_the_originals_figures_are_read_with_date_and_machine() -> None:
    was = original()

    assert was.text == "2026-11-26, one quiet 2-core machine, siege 4.0.7"
    assert (shown(was.registering.rate), shown(was.registering.cpu_milliseconds, 1)) == ("1,198–1,246", "1.4")
    assert shown(was.restart.availability_percent, 2) == "99.07–100.00"


def test_the_table_has_the_original_beside_this_system() -> None:
    assert table([Row("rate", "400/s", "1,200/s"), Row("lists", "2 ms")]).splitlines() == [
        "| test | original (warm) | ssak8 |",
        "|---|---|---|",
        "| rate | 1,200/s | 400/s |",
        "| lists | – | 2 ms |",
    ]


def test_cpu_is_divided_by_what_was_stored_and_not_by_what_was_answered() -> None:
    measured = registered(result(Answer("201", 0.1)), {"customer": 0.004, "azurite": 0.0, "kakao": 0.006}, 4)

    assert measured.cpu_total == pytest.approx(2.5)
    assert by_service(measured) == "kakao 1.50, customer 1.00"


def test_a_refusal_costs_what_the_registrations_of_the_same_run_do_not_explain() -> None:
    base = registered(result(*[Answer("201", 0.1)] * 10, elapsed=1), {"customer": 0.050}, 10)  # 5 ms each
    refused = result(*[Answer("201", 0.1)] * 8, *[Answer("503 overloaded", 0.01)] * 20, elapsed=1)

    overloaded = Overloaded(refused, Spent({"customer": 0.042}, 0, 1), 8, base)

    assert overloaded.goodput_share == pytest.approx(0.8)
    assert overloaded.refusal_milliseconds == pytest.approx((42 - 8 * 5) / 20)
    assert overloaded.text == "8/s (80% of the base), 20 × 503 failed"


def test_without_a_refusal_it_costs_nothing_that_could_be_said() -> None:
    base = registered(result(Answer("201", 0.1)), {"customer": 0.005}, 1)

    assert Overloaded(base.result, base.spent, 1, base).refusal_milliseconds is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Retry-After not looked at"),
        ({"2": 5, "1": 3}, "Retry-After 1 to 2 s"),
        ({"2": 5, "": 4}, "Retry-After 2 to 2 s, missing in 4"),
        ({"": 4}, "no Retry-After, missing in 4"),
        ({"2": 5, "0": 1, "3600": 1, "soon": 1}, "Retry-After 0 to 3600 s, unusable in 3"),
    ],
)
def test_what_refusals_say_about_coming_back_is_judged(values: dict[str, int], said: str) -> None:
    assert retry_after(LoadResult("test", [], 1, retry_after=values)) == said


@pytest.mark.parametrize(
    ("customers", "kakaos", "views", "said"),
    [
        (2, 2, 2, "exact"),
        (2, 3, 2, "exact; 1 told, but not registered"),
        (3, 3, 3, "1 registered, but their answer was lost"),
        (1, 2, 1, "LOST: 1 of 2 that were acknowledged are not stored"),
        (2, 1, 2, "exact; NOT TOLD: 1"),
        (2, 2, 1, "exact; VIEWS: -1"),
    ],
)
def test_a_restart_is_judged_by_what_was_acknowledged(customers: int, kakaos: int, views: int, said: str) -> None:
    stored = Counter(customers=customers, kakaos=kakaos, customerViews=views)

    assert Restarted("kakao", 1.0, result(*[Answer("201", 0.1)] * 2), stored, 15).consistency == said


def test_a_restart_that_outlasts_the_load_says_so() -> None:
    restarts = [Restarted("kakao", took, result(), Counter(), 15) for took in (7.0, 8.0)]

    assert [each.duration for each in restarts] == ["7.0 s", "8.0 s, longer than the load"]


def test_noise_is_what_neither_the_services_nor_the_generator_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.cpu_count", lambda: 2)
    spent = Spent({"customer": 6.0, "kakao": 4.0}, machine=16.0, elapsed=10.0)

    assert spent.others_share(generator=2.0) == pytest.approx(0.2)
    assert spent.idle_share == pytest.approx(0.2)
