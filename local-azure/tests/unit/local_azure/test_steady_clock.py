import time

import pytest

from local_azure import steady_clock


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_step_of_the_wall_clock_does_not_change_it(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    wall, before = time.time(), steady_clock.seconds()
    monkeypatch.setattr(time, "time", lambda: wall + seconds)
    monkeypatch.setattr(time, "time_ns", lambda: int(wall + seconds) * 1_000_000_000)

    assert 0 <= steady_clock.seconds() - before < 60
    assert abs(steady_clock.milliseconds() - steady_clock.seconds() * 1000) < 60_000


def test_it_starts_with_the_wall_clock() -> None:
    assert abs(steady_clock.seconds() - time.time()) < 60
