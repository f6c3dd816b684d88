"""Who may read a channel, what the answer to a join holds, and that nothing falls between it and the live feed."""

from __future__ import annotations

import uuid
from threading import Event, Thread
from typing import Any

from tests.chat.stage import Stage, on_both_stages, refusal
from tests.chat_socket import ChatSocket

NOT_FOUND = "not_found"


def ids(messages: list[dict[str, Any]]) -> list[int]:
    """The ids of messages, in the order in which they came."""
    return [message["id"] for message in messages]


# --- who may read -----------------------------------------------------------------------------------------------------


def test_a_visitor_reads_a_public_channel(stage: Stage) -> None:
    channel = stage.channel()
    ada = stage.viewer("ada").socket()
    assert ada.send(channel, "ahoy")["ok"]
    reader = stage.visitor().socket()
    answer = reader.join(channel)
    assert [message["text"] for message in answer["messages"]] == ["ahoy"]
    assert answer["me"] is None, "nobody is signed in"
    ada.send(channel, "still there?")
    reader.wait_for_message("still there?")


def test_a_channel_for_accounts_lets_viewers_in_and_visitors_not(stage: Stage) -> None:
    channel = stage.channel(access="accounts")
    boris = stage.viewer("boris")
    assert boris.socket().join(channel)["me"]["username"] == boris.name
    assert refusal(stage.visitor().socket().call("join", {"channel": channel})) == NOT_FOUND


def test_a_private_channel_is_its_members_and_nobody_elses(stage: Stage) -> None:
    keeper, member, outsider = stage.viewer("keeper"), stage.viewer("maya"), stage.viewer("olga")
    channel = stage.channel(keeper, members=(member,), access="private")
    assert keeper.socket().join(channel)["me"]["badges"] == ["streamer"]
    assert member.socket().join(channel)["me"]["badges"] == []
    assert refusal(outsider.socket().call("join", {"channel": channel})) == NOT_FOUND
    assert refusal(stage.visitor().socket().call("join", {"channel": channel})) == NOT_FOUND


def test_an_admin_does_not_read_a_private_channel(stage: Stage) -> None:
    root = stage.viewer("rosa")
    stage.backstage.promote(root.name)
    private, public = stage.channel(access="private"), stage.channel()
    socket = root.socket()
    assert socket.join(public)["me"]["badges"] == ["admin"], "is not an admin: the next line would show nothing"
    assert refusal(socket.call("join", {"channel": private})) == NOT_FOUND


def test_nobody_can_tell_a_private_channel_from_one_that_does_not_exist(stage: Stage) -> None:
    private, outsider = stage.channel(access="private"), stage.viewer("olga").socket()
    there, nowhere = (outsider.call("join", {"channel": slug}) for slug in (private, "no-such-harbour"))
    assert there == nowhere
    disabled = stage.channel(disabled_at="now")
    assert outsider.call("join", {"channel": disabled}) == nowhere


def test_an_outsider_who_was_refused_hears_nothing(stage: Stage) -> None:
    keeper, outsider = stage.viewer("keeper"), stage.viewer("olga").socket()
    private, public = stage.channel(keeper, access="private"), stage.channel()
    refusal(outsider.call("join", {"channel": private}))
    outsider.join(public)
    socket = keeper.socket()
    assert socket.send(private, "behind closed doors")["ok"]
    assert socket.send(public, "in the open")["ok"]
    outsider.wait_for_message("in the open")  # whatever the private one would have sent was sent before this
    assert [message["text"] for message in outsider.received("message")] == ["in the open"]


def test_leaving_ends_the_live_feed_and_only_that_channels(stage: Stage) -> None:
    ada, reader = stage.viewer("ada").socket(), stage.visitor().socket()
    here, there = stage.channel(), stage.channel()
    reader.join(here)
    reader.join(there)
    assert reader.call("leave", {"channel": here})["ok"]
    ada.send(here, "left behind")
    ada.send(there, "followed")
    reader.wait_for_message("followed")
    assert [message["text"] for message in reader.received("message")] == ["followed"]


def test_a_cookie_that_means_nothing_makes_a_visitor(stage: Stage) -> None:
    public, closed = stage.channel(), stage.channel(access="accounts")
    for cookie in (
        "session=garbage",
        "session=eyJ0b2tlbiI6ImZvcmdlZCJ9.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "x" * 4000,
    ):
        stranger = ChatSocket(stage.server.url, {"Cookie": cookie})
        try:
            assert stranger.join(public)["me"] is None
            assert refusal(stranger.call("join", {"channel": closed})) == NOT_FOUND
            assert refusal(stranger.send(public, "let me in")) == "not_signed_in"
        finally:
            stranger.close()


# --- what the answer holds --------------------------------------------------------------------------------------------


@on_both_stages
def test_joining_shows_the_newest_fifty(stage: Stage) -> None:
    channel = stage.channel()
    stage.backstage.write(channel, [str(number) for number in range(1, 50)])
    assert ids(stage.visitor().socket().join(channel)["messages"]) == list(range(1, 50))
    stage.backstage.write(channel, [str(number) for number in range(50, 61)])
    answer = stage.visitor().socket().join(channel)
    assert ids(answer["messages"]) == list(range(11, 61)), "the newest fifty, oldest first"
    assert [message["text"] for message in answer["messages"]] == [str(number) for number in range(11, 61)]
    assert "gap" not in answer


@on_both_stages
def test_after_brings_the_oldest_five_hundred_and_says_whether_more_follow(stage: Stage) -> None:
    channel, reader = stage.channel(), stage.visitor().socket()
    stage.backstage.write(channel, ["wave"] * 507)
    first = reader.join(channel, after=3)
    assert ids(first["messages"]) == list(range(4, 504))
    assert first["gap"] is True
    rest = reader.join(channel, after=503)
    assert ids(rest["messages"]) == [504, 505, 506, 507]
    assert "gap" not in rest
    assert reader.join(channel, after=507)["messages"] == []
    assert ids(reader.join(channel, after=7)["messages"]) == list(range(8, 508)), "exactly five hundred are no gap"


def test_a_reader_with_a_gap_hears_nothing_live_until_it_has_caught_up(stage: Stage) -> None:
    channel, ada, reader = stage.channel(), stage.viewer("ada").socket(), stage.visitor().socket()
    stage.backstage.write(channel, ["wave"] * 502)
    reader.join(channel)
    assert reader.join(channel, after=0)["gap"] is True
    assert ada.send(channel, "too early")["id"] == 503
    assert ids(reader.join(channel, after=500)["messages"]) == [501, 502, 503]
    assert ada.send(channel, "in time")["id"] == 504
    reader.wait_for_event("message", id=504)
    assert ids(reader.received("message")) == [504], "503 would have overtaken what was still missing"


# --- between the answer and the live feed -----------------------------------------------------------------------------


def join_and_note(reader: ChatSocket, channel: str, **more: Any) -> None:
    """Join; the answer is put among the reader's events, where it came."""
    done = Event()

    def note(answer: dict[str, Any]) -> None:
        with reader.arrived:
            reader.events.append(("joined", answer))
        done.set()

    reader.client.emit("join", {"channel": channel, **more}, callback=note)
    assert done.wait(10)


class Writer(Thread):
    """Posts without pause, two lines in flight, until told to stop."""

    def __init__(self, socket: ChatSocket, channel: str) -> None:
        super().__init__()
        self.socket, self.channel = socket, channel
        self.enough = Event()
        self.last_id = 0

    def run(self) -> None:
        while not self.enough.is_set():
            self.socket.client.emit("send", self._line())
            answer = self.socket.call("send", self._line())
            assert answer["ok"], answer
            self.last_id = answer["id"]

    def _line(self) -> dict[str, str]:
        return {"channel": self.channel, "text": "wave", "nonce": uuid.uuid4().hex}


def check_continuity(reader: ChatSocket, last_id: int) -> None:
    """From the reader's last join on: answer, then live lines, each id once, in order, up to the end."""
    with reader.arrived:
        joined = max(place for place, (name, _) in enumerate(reader.events) if name == "joined")
        answer = reader.events[joined][1]
        live = [payload["id"] for name, payload in reader.events[joined + 1 :] if name == "message"]
        early = [payload["id"] for name, payload in reader.events[:joined] if name == "message"]
    assert answer["ok"] and not answer.get("gap"), answer
    seen = ids(answer["messages"]) + live
    assert early == [], "live lines came before the answer"
    assert seen == list(range(seen[0], last_id + 1)), f"{len(seen)} lines, {len(set(seen))} different, end {seen[-5:]}"


@on_both_stages
def test_nothing_is_lost_or_doubled_between_the_answer_and_the_live_feed(stage: Stage) -> None:
    channel = stage.channel()
    writers = [Writer(stage.viewer(name).socket(), channel) for name in ("ada", "boris", "chidi")]
    guest = stage.visitor()
    readers = [guest.socket() for _ in range(20)]
    for writer in writers:
        writer.start()
    try:
        for number, reader in enumerate(readers):  # while the writers go on, and half of them as if coming back
            last_seen = writers[0].last_id
            join_and_note(reader, channel, **({"after": last_seen} if number % 2 and last_seen else {}))
    finally:
        for writer in writers:
            writer.enough.set()
            writer.join(20)
    assert not any(writer.is_alive() for writer in writers)
    last_id = max(stage.backstage.ids(channel))
    assert last_id >= len(readers), "the writers hardly wrote: nothing was put to the test"
    for reader in readers:
        reader.wait_for_event("message", id=last_id)
        check_continuity(reader, last_id)
