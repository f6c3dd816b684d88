"""Redis stops and comes back: the chat goes on over both workers, what guesses is shut, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.visitor import Visitor
from tests.workers.two_workers import PASSWORD, TwoWorkers

pytestmark = [pytest.mark.postgres, pytest.mark.prove]


def test_redis_stops_and_comes_back(two: TwoWorkers) -> None:
    channel, ada, boris = two.channel(), two.viewer("ada"), two.viewer("boris")
    here, there = two.at_each(ada, boris)
    for socket in (here, there):
        socket.join(channel)
    two.redis.kill9()
    try:
        for number in range(6):
            assert (here, there)[number % 2].send(channel, f"without {number}")["ok"]
        for socket in (here, there):  # what is said here shows the hole before it
            socket.wait_for_message("without 5")
        assert there.send(channel, "the last word")["ok"]
        here.wait_for_message("the last word")  # nothing follows that would show a hole: the database was asked
        stranger = Visitor(two.server.url)
        assert stranger.get(f"/c/{channel}").status_code == 200
        refused = stranger.post_form("/login", username=ada.name, password=PASSWORD)
        assert refused.status_code == 503 and refused.headers["Retry-After"]
        assert "tries cannot be counted" in refused.text
        assert not stranger.signed_in
        assert stranger.get("/admin/").status_code == 503
        boris.sign_out()  # rights are taken away all the same, at whichever worker
        assert there.wait_for_event("signed_out") == {"reason": "logout"}
    finally:
        two.redis.start()
    late = two.socket_at(stranger, two.worker_of(here))
    late.join(channel)
    assert here.send(channel, "with it again")["ok"]
    late.wait_for_message("with it again")
    here.wait_for_message("with it again")
    assert [message["id"] for message in here.received("message")] == list(range(1, 9))
    while stranger.post_form("/login", username=ada.name, password=PASSWORD).status_code == 503:
        pass  # at most a second: that long nobody waits for a Redis that did not answer
    assert stranger.signed_in


def test_tries_are_counted_over_both_workers(two: TwoWorkers) -> None:
    channel, ada = two.channel(), two.viewer("ada")
    here, there = two.at_each(ada, ada)
    for socket in (here, there):
        socket.join(channel)
    with two.redis.client() as redis:
        before = len(redis.keys("*messages*"))
        for socket in (here, there):
            assert socket.send(channel, "one")["ok"]
        assert len(redis.keys("*messages*")) == before + 1, "both speak for one account"
