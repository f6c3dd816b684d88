"""What several processes count together in Redis, in one question however many ask, and what becomes of it without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gevent
import pytest
from limits import RateLimitItem, parse

from app.security import counters as counting
from app.security.counters import Counters, CountersAway
from app.security.round_trip import RoundTrip
from app.security.seats import LEASE_SECONDS, Seats
from app.security.windows import LocalWindows
from tests.private_redis import PrivateRedis

Windows = dict[str, RateLimitItem]
SLOWLY: Windows = {"messages/ada": parse("3 per minute")}
BOTH: Windows = {"often/ada": parse("1 per minute"), "seldom/ada": parse("3 per hour")}


@pytest.fixture(scope="module")
def redis() -> Iterator[PrivateRedis]:
    """A Redis that tests may stop, and must start again."""
    with PrivateRedis() as running:
        yield running


@pytest.fixture
def line(redis: PrivateRedis) -> Iterator[RoundTrip]:
    """A line to an empty Redis."""
    with redis.client() as client:
        client.flushall()
    line = RoundTrip(redis.url)
    yield line
    line.close()


@pytest.fixture
def another(redis: PrivateRedis) -> Iterator[RoundTrip]:
    """The line of another process."""
    line = RoundTrip(redis.url)
    yield line
    line.close()


def test_two_processes_count_as_one_and_say_how_long_to_wait(
    redis: PrivateRedis, line: RoundTrip, another: RoundTrip
) -> None:
    here, there = Counters(line), Counters(another)
    assert [each.hit(SLOWLY) for each in (here, there, here)] == [0, 0, 0]
    for each in (here, there):
        assert 50 < each.hit(SLOWLY) <= 60
    assert here.hit({"messages/boris": parse("3 per minute")}) == 0, "others are not held up"


@pytest.mark.parametrize("shared", [False, True])
def test_what_one_window_refuses_counts_in_none(line: RoundTrip, shared: bool) -> None:
    counters = Counters(line if shared else None)
    assert counters.hit(BOTH) == 0
    for _ in range(5):
        assert 50 < counters.hit(BOTH) <= 60
    rest = {"seldom/ada": BOTH["seldom/ada"]}
    assert [counters.hit(rest) for _ in range(2)] == [0, 0]
    assert counters.hit(rest) > 3000


def test_however_many_speak_at_once_redis_is_asked_once(line: RoundTrip, monkeypatch: pytest.MonkeyPatch) -> None:
    counters, asked = Counters(line), []
    assert counters.hit(SLOWLY) == 0  # Redis knows the script from now on
    ask = line._ask

    def count(commands: Sequence[Sequence[Any]]) -> list[Any]:
        asked.append(len(commands))
        return ask(commands)

    monkeypatch.setattr(line, "_ask", count)
    crowd = [gevent.spawn(counters.hit, {f"messages/{number}": parse("3 per minute")}) for number in range(50)]
    assert [one.get() for one in gevent.joinall(crowd)] == [0] * 50
    assert counters.hit(BOTH) == 0
    assert asked == [50, 1], "two windows of one act are one question as well"


def test_a_clock_of_redis_that_was_set_back_shuts_nobody_out(redis: PrivateRedis, line: RoundTrip) -> None:
    with redis.client() as client:
        tomorrow = int(client.time()[0] + 86400) * 1000
        client.lpush("messages/ada", tomorrow, tomorrow, tomorrow)
        client.zadd("seats/ada", {"dead": tomorrow / 1000})
    assert Counters(line).hit(SLOWLY) == 0
    assert Seats(line).take("one", {"ada": 1})


def test_without_redis_each_counts_for_itself_and_what_guesses_is_shut(
    redis: PrivateRedis, line: RoundTrip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "AGAIN_SECONDS", 0)
    counters = Counters(line)
    assert counters.hit(SLOWLY) == 0
    redis.kill9()
    try:
        with pytest.raises(CountersAway):
            counters.hit(SLOWLY, or_shut=True)
        assert [counters.hit(SLOWLY) for _ in range(3)] == [0, 0, 0]
        assert counters.hit(SLOWLY) > 0
    finally:
        redis.start()
    assert counters.hit(SLOWLY, or_shut=True) == 0, "it is back, empty, and has to be told the script again"


def test_windows_of_this_process_go_by_a_clock_that_nobody_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    windows, hour = LocalWindows(), {"one": parse("1 per hour")}
    moment = 1000.0
    monkeypatch.setattr("app.security.windows.time.monotonic", lambda: moment)
    monkeypatch.setattr("time.time", lambda: 86400.0 * 365)
    assert windows.hit(hour) == 0
    moment = 4599.0
    monkeypatch.setattr("time.time", lambda: 86400.0 * 364)
    assert windows.hit(hour) == 1
    moment = 4600.0
    assert windows.hit(hour) == 0


def test_seats_are_counted_over_both_processes_and_free_when_somebody_leaves(
    redis: PrivateRedis, line: RoundTrip, another: RoundTrip
) -> None:
    here, there = Seats(line), Seats(another)
    most = {"address:10.0.0.1": 3, "account:7": 2}
    assert here.take("a", most) and there.take("b", most)
    for each in (here, there):
        assert not each.take("c", most)
    assert there.take("d", {"address:10.0.0.1": 3}), "who was refused sits nowhere"
    assert not here.take("e", {"address:10.0.0.1": 3})
    there.leave("b")
    gevent.sleep(0)  # another greenlet tells Redis, and gets its word in before ours
    assert here.take("c", most)


def test_a_killed_process_holds_its_seats_for_a_lease_and_whoever_lives_renews_them(
    redis: PrivateRedis, line: RoundTrip, another: RoundTrip
) -> None:
    killed, living = Seats(line), Seats(another)
    assert killed.take("a", {"account:7": 2}) and living.take("b", {"account:7": 2})
    with redis.client() as client:
        for name in ("a", "b"):
            client.zincrby("seats/account:7", -LEASE_SECONDS + 5, name)  # most of a lease goes by
        living.renew()
        client.zincrby("seats/account:7", -6, "a")
        client.zincrby("seats/account:7", -6, "b")
    assert living.take("c", {"account:7": 2}), "the killed one's place"
    assert not living.take("d", {"account:7": 2}), "the others are taken"


def test_seats_that_redis_forgot_are_taken_again_and_counted_here_meanwhile(
    redis: PrivateRedis, line: RoundTrip, another: RoundTrip
) -> None:
    here, there = Seats(line), Seats(another)
    assert here.take("a", {"account:7": 2})
    redis.kill9()
    try:
        assert here.take("b", {"account:7": 2})
        assert not here.take("c", {"account:7": 2})
    finally:
        redis.start()
    here.renew()
    assert not there.take("d", {"account:7": 2})
