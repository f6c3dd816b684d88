"""Two workers are one chat: what happens at one of them is heard at the other."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests
from socketio.exceptions import ConnectionError as SocketIOConnectionError

from tests.chat.crowd import Sender, all_speak_and_all_hear
from tests.chat_socket import ChatSocket
from tests.visitor import Visitor
from tests.workers.two_workers import MOST_LINES, TwoWorkers

pytestmark = [pytest.mark.postgres, pytest.mark.prove]  # two workers, Redis and PostgreSQL take their time to begin
SENDERS, LISTENERS, LINES = 20, 10, 12


def soon(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether ``holds`` does, now or within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_what_is_said_at_one_worker_is_heard_at_the_other_once_and_in_order(two: TwoWorkers) -> None:
    channel = two.channel()
    here, there = two.at_each(two.viewer("ada"), two.viewer("boris"))
    for socket in (here, there):
        socket.join(channel)
    for number in range(10):
        assert (here, there)[number % 2].send(channel, f"line {number}")["ok"]
    for socket in (here, there):
        socket.wait_for_message("line 9")
        assert [message["id"] for message in socket.received("message")] == list(range(1, 11))


def test_many_speak_at_once_at_both_and_everybody_hears_the_same_in_one_order(two: TwoWorkers) -> None:
    channel, guest = two.channel(), Visitor(two.server.url)
    listeners = two.at_each(*[guest] * LISTENERS)
    for listener in listeners:
        listener.join(channel)
    senders = []
    for number in range(SENDERS // 4):
        person = two.viewer(f"crew-{number}")
        sockets = two.at_each(*[person] * 4)
        senders += [Sender(f"{person.name} {place}", sockets[place], channel, LINES) for place in range(4)]
    all_speak_and_all_hear(senders, listeners)


def test_whoever_comes_in_the_middle_of_it_misses_nothing_and_gets_nothing_twice(two: TwoWorkers) -> None:
    channel, person, guest = two.channel(), two.viewer("ada"), Visitor(two.server.url)
    speakers = two.at_each(person, person)
    senders = [Sender(f"{person.name} {place}", speakers[place], channel, 60) for place in range(2)]
    newcomers = two.at_each(*[guest] * 6)
    for sender in senders:
        sender.start()
    answers = [newcomer.join(channel, after=0) for newcomer in newcomers]
    for sender in senders:
        sender.join(30)
    for newcomer, answer in zip(newcomers, answers, strict=True):
        had = [message["id"] for message in answer["messages"]]
        if had[-1:] != [120]:
            newcomer.wait_for_event("message", id=120)
        assert had + [message["id"] for message in newcomer.received("message")] == list(range(1, 121))


def test_a_cut_a_ban_a_deletion_and_a_mode_reach_the_other_worker(two: TwoWorkers) -> None:
    keeper, ada, boris = two.viewer("keeper"), two.viewer("ada"), two.viewer("boris")
    channel = two.channel(keeper)
    at_first, at_second = two.at_each(keeper, ada)
    boris_socket = two.socket_at(boris, two.worker_of(at_second))
    for socket in (at_first, at_second, boris_socket):
        socket.join(channel)
    said = at_second.send(channel, "soon gone")
    assert at_first.call("moderate", {"channel": channel, "action": "delete", "id": said["id"]})["ok"]
    at_second.wait_for_event("message_deleted", id=said["id"])
    assert at_first.call("moderate", {"channel": channel, "action": "members_only", "on": True})["ok"]
    at_second.wait_for_event("channel_updated")
    assert at_second.send(channel, "let me")["error"]["code"] == "members_only"
    assert at_first.call("moderate", {"channel": channel, "action": "members_only", "on": False})["ok"]
    assert at_first.call("moderate", {"channel": channel, "action": "ban", "username": ada.name})["ok"]
    at_second.wait_for_event("notice", code="banned")
    assert at_second.send(channel, "let me")["error"]["code"] == "banned"
    boris.sign_out()  # over HTTP, at whichever worker takes it
    assert boris_socket.wait_for_event("signed_out") == {"reason": "logout"}
    boris_socket.wait_until_cut()
    assert at_first.call("moderate", {"channel": channel, "action": "clear"})["ok"]
    at_second.wait_for_event("messages_cleared")


def test_people_are_counted_over_both_and_whoever_is_at_both_counts_once(two: TwoWorkers) -> None:
    channel, ada, guest = two.channel(), two.viewer("ada"), Visitor(two.server.url)
    first, second = two.at_each(ada, ada)
    visitors = two.at_each(guest, guest)

    def sees(socket: ChatSocket, count: int) -> bool:
        return soon(lambda: socket.join(channel)["viewers"] == count)

    assert sees(first, 1) and sees(second, 1)
    assert sees(visitors[0], 2) and sees(visitors[1], 3)
    assert sees(first, 3) and sees(second, 3)
    present = first.call("people", {"channel": channel})
    assert [person["username"] for person in present["people"]] == [ada.name]
    assert present["visitors"] == 2
    visitors[1].close()
    assert sees(first, 2) and sees(second, 2)
    first.wait_for(lambda events: any(name == "viewers" and news["count"] == 2 for name, news in events))


def test_what_was_said_at_one_worker_cannot_be_repeated_at_the_other(two: TwoWorkers) -> None:
    channel, ada = two.channel(unique_messages=True), two.viewer("ada")
    here, there = two.at_each(ada, ada)
    for socket in (here, there):
        socket.join(channel)
    assert here.send(channel, "Buy my THING")["ok"]
    there.wait_for_message("Buy my THING")
    assert there.send(channel, "buy my  thing")["error"]["code"] == "duplicate"
    assert there.send(channel, "buy my other thing")["ok"]


def test_an_account_holds_so_many_lines_over_both_workers(two: TwoWorkers) -> None:
    ada, boris = two.viewer("ada"), two.viewer("boris")
    lines = two.at_each(ada, ada)

    def gets_in() -> bool:
        with suppress(SocketIOConnectionError):  # what was closed while we looked for a worker may still be counted
            return ada.socket().connected
        return False

    for _ in range(MOST_LINES - 2):
        assert soon(gets_in)
    with pytest.raises(SocketIOConnectionError):
        ada.socket()
    assert boris.socket(), "others have room of their own"
    lines[0].close()
    assert soon(gets_in)


def test_nothing_readable_passes_through_redis(two: TwoWorkers) -> None:
    channel = two.channel()
    here, there = two.at_each(two.viewer("ada"), two.viewer("boris"))
    with two.redis.client() as client, client.pubsub() as tap:
        tap.psubscribe("*")
        for socket in (here, there):
            socket.join(channel)
        here.send(channel, "a secret of the lighthouse")
        there.wait_for_message("a secret of the lighthouse")
        heard: list[Any] = []
        while (passed := tap.get_message(timeout=0.3)) is not None and len(heard) < 50:
            heard.append(passed)
    texts = [bytes(passed["data"]) for passed in heard if passed["type"] == "pmessage"]
    assert texts, "the message went another way"
    for text in texts:
        assert b"lighthouse" not in text and channel.encode() not in text and b"posted" not in text


def test_long_polling_is_refused_where_each_request_may_reach_another_worker(two: TwoWorkers) -> None:
    answer = Visitor(two.server.url).get("/socket.io/?EIO=4&transport=polling")
    assert answer.status_code == 400


def test_a_scrape_of_either_worker_gives_the_figures_of_both(two: TwoWorkers) -> None:
    channel = two.channel()
    here, there = two.at_each(two.viewer("ada"), two.viewer("boris"))
    for socket in (here, there):
        socket.join(channel)
        assert socket.send(channel, "counted")["ok"]
    pids = {str(worker.pid) for worker in two.workers()}

    def scrape() -> dict[str, dict[str, float]]:
        """Each metric's samples without other labels, by the process that they are of."""
        text = requests.get(f"{two.server.url}/metrics", timeout=10).text
        samples: dict[str, dict[str, float]] = {}
        for name, pid, value in re.findall(r'^(\w+)(?:\{worker="[^":]+:(\d+)"\})? (\S+)$', text, re.MULTILINE):
            samples.setdefault(name, {})[pid] = float(value)
        return samples

    first, second = scrape(), scrape()
    assert set(first["streamzy_connections"]) == pids
    assert (first["streamzy_workers"][""], first["streamzy_workers_answered"][""]) == (2, 2)
    for pid in pids:
        assert first["streamzy_batch_messages_count"][pid] >= 1
        assert second["process_cpu_seconds_total"][pid] >= first["process_cpu_seconds_total"][pid]
    silent = two.workers()[0]
    silent.suspend()
    try:
        alone = scrape()
    finally:
        silent.resume()
    assert set(alone["streamzy_connections"]) == pids - {str(silent.pid)}
    assert (alone["streamzy_workers"][""], alone["streamzy_workers_answered"][""]) == (2, 1)
