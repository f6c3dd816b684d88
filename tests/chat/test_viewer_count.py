"""How many read a channel: people, not sockets, told at most every two seconds."""

from __future__ import annotations

import itertools
import time

from tests.chat.stage import Stage
from tests.chat_socket import ChatSocket

EVERY = 2.0


def counts(socket: ChatSocket, channel: str) -> list[int]:
    """Every count this socket was told."""
    return [news["count"] for news in socket.received("viewers") if news["channel"] == channel]


def becomes(socket: ChatSocket, channel: str, count: int) -> bool:
    """Whether the channel's number is, or soon becomes, ``count``: a lost line is noticed a moment later."""
    for _ in range(40):
        if socket.join(channel)["viewers"] == count:
            return True
        with socket.arrived:
            socket.arrived.wait(0.05)
    return False


def test_people_are_counted_and_tabs_are_not(stage: Stage) -> None:
    channel, ada, boris = stage.channel(), stage.viewer("ada"), stage.viewer("boris")
    tabs = [ada.socket(), ada.socket()]
    assert tabs[0].join(channel)["viewers"] == 1
    assert tabs[1].join(channel)["viewers"] == 1, "two tabs of one person"
    assert boris.socket().join(channel)["viewers"] == 2
    guests = [stage.visitor().socket(), stage.visitor().socket()]
    assert guests[0].join(channel)["viewers"] == 3
    assert guests[1].join(channel)["viewers"] == 4, "nobody knows whether two visitors are one person"
    assert guests[1].join(channel)["viewers"] == 4, "who joins twice is still one"
    tabs[0].close()
    assert guests[0].call("leave", {"channel": channel})["ok"]
    assert becomes(guests[1], channel, 3), "one of her tabs is still open"
    tabs[1].close()
    assert becomes(guests[1], channel, 2)
    assert 'id="viewer-count" class="numeric">2<' in stage.visitor().get(f"/c/{channel}").text


def test_a_channel_counts_its_own_readers_alone(stage: Stage) -> None:
    here, there = stage.channel(), stage.channel()
    guest = stage.visitor().socket()
    assert guest.join(here)["viewers"] == 1
    assert stage.visitor().socket().join(there)["viewers"] == 1
    assert guest.join(there)["viewers"] == 2, "one socket may read several channels"
    assert becomes(guest, here, 1)


def test_whoever_is_cut_is_not_counted(stage: Stage) -> None:
    channel, ada, watcher = stage.channel(), stage.viewer("ada"), stage.visitor().socket()
    watcher.join(channel)
    ada.socket().join(channel)
    assert ada.socket(transport="polling").join(channel)["viewers"] == 2
    ada.sign_out()
    assert watcher.join(channel)["viewers"] == 1, "at once: they are cut before the answer"


def test_counts_come_to_everybody_at_most_every_two_seconds_whatever_happens(stage: Stage) -> None:
    channel, watcher = stage.channel(), stage.visitor().socket()
    watcher.join(channel)
    told: list[float] = []
    coming_and_going = stage.visitor().socket()
    deadline = time.monotonic() + 20
    while len(told) < 3 and time.monotonic() < deadline:
        coming_and_going.join(channel)
        if len(told) < 2:  # in the end somebody is there
            coming_and_going.call("leave", {"channel": channel})
        with watcher.arrived:
            watcher.arrived.wait(0.1)
        if len(counts(watcher, channel)) > len(told):
            told.append(time.monotonic())
    assert len(counts(watcher, channel)) == 3
    assert counts(watcher, channel)[-1] == 2
    pauses = [later - earlier for earlier, later in itertools.pairwise(told)]
    assert min(pauses) > EVERY - 0.3, f"told every {min(pauses):.2f} s"  # less the time this test takes to look
