"""Bodies are stored sealed to their own row: what was copied, moved or changed is not shown as anybody's words."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.chat.stage import Stage, on_both_stages
from tests.visitor import Visitor

UNVERIFIED = "This message could not be verified"
SECRET = "qzvwhispered"  # occurs nowhere else


class Tampered:
    """A channel with three lines of Ada and one of Boris, and what readers see of them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ada, self.boris = stage.viewer("ada"), stage.viewer("boris")
        self.channel = stage.channel()
        self.send(self.ada, self.channel, "first", "second", "third")
        self.send(self.boris, self.channel, "fourth")

    def send(self, person: Visitor, channel: str, *texts: str) -> None:
        """Say some lines."""
        socket = person.socket()
        for text in texts:
            assert socket.send(channel, text)["ok"]
        person.close_sockets()

    def check(self, message_id: int) -> None:
        """Message ``message_id`` is shown to nobody, all others are as they were, and it is on record once."""
        everything = ["first", "second", "third", "fourth"]
        everything[message_id - 1] = UNVERIFIED + "."
        guest = self.stage.visitor()
        socket = guest.socket()
        answers = [
            socket.join(self.channel),
            socket.join(self.channel, after=0),
            socket.call("history", {"channel": self.channel, "before": 5}),
        ]
        for answer in answers:
            assert [message["text"] for message in answer["messages"]] == everything
            assert [message["id"] for message in answer["messages"] if message.get("unverified")] == [message_id]
        page = guest.get(f"/c/{self.channel}")
        assert page.status_code == 200
        assert page.text.count(UNVERIFIED) == 1
        for text in everything:
            assert text.rstrip(".") in page.text
        events = self.stage.backstage.events("message.unverified", f"{self.channel}/{message_id}")
        assert len(events) == 1, "on record, once however often it is looked at"


@pytest.fixture
def tampered(stage: Stage) -> Tampered:
    """What every test here begins with."""
    return Tampered(stage)


@on_both_stages
def test_the_database_holds_tokens_and_nothing_else(stage: Stage) -> None:
    channel, ada = stage.channel(), stage.viewer("ada").socket()
    for number in range(3):
        assert ada.send(channel, f"{SECRET} {number}")["ok"]
    assert ada.send(channel, "short", reply_to=1)["ok"]
    bodies = [row.body for row in stage.backstage.rows(channel)]
    assert all(body.startswith(b"gAAAA") for body in bodies)
    for body in bodies:
        assert base64.urlsafe_b64decode(body)[0] == 0x80, "no Fernet token"
    assert len(set(bodies)) == len(bodies)
    everything = "".join(stage.backstage.every_value())
    assert bodies[0].decode() in everything, "looked in the wrong place"
    assert SECRET not in everything


def test_the_files_of_the_database_hold_no_text(stage: Stage) -> None:
    channel, ada = stage.channel(), stage.viewer("ada").socket()
    assert ada.send(channel, f"{SECRET} into a file")["ok"]
    body = stage.backstage.rows(channel)[0].body
    files = [path.read_bytes() for path in Path(stage.server.folder).glob("streamzy.db*")]
    assert any(body in content for content in files), "looked in the wrong place"
    assert all(SECRET.encode() not in content for content in files)


def test_untouched_messages_are_shown_and_nothing_is_on_record(tampered: Tampered) -> None:
    answer = tampered.stage.visitor().socket().join(tampered.channel)
    assert [message["text"] for message in answer["messages"]] == ["first", "second", "third", "fourth"]
    assert not any("unverified" in message for message in answer["messages"])
    for message_id in range(1, 5):
        assert tampered.stage.backstage.events("message.unverified", f"{tampered.channel}/{message_id}") == []


@on_both_stages
def test_a_body_copied_into_another_row_of_its_author_is_refused(tampered: Tampered) -> None:
    stolen = tampered.stage.backstage.stolen(tampered.channel, 1)
    tampered.stage.backstage.tamper(tampered.channel, 2, body=stolen["body"])
    tampered.check(2)


@on_both_stages
def test_a_message_copied_whole_to_another_author_is_refused(tampered: Tampered) -> None:
    stolen = tampered.stage.backstage.stolen(tampered.channel, 1)
    tampered.stage.backstage.tamper(tampered.channel, 4, **stolen)
    tampered.check(4)


def test_a_message_given_to_another_author_is_refused(tampered: Tampered) -> None:
    rows = {row.id: row for row in tampered.stage.backstage.rows(tampered.channel)}
    tampered.stage.backstage.tamper(tampered.channel, 3, author_id=rows[4].author_id)
    tampered.check(3)


@on_both_stages
def test_a_message_copied_whole_from_another_channel_is_refused(tampered: Tampered) -> None:
    private = tampered.stage.channel(members=(tampered.ada,), access="private")
    tampered.send(tampered.ada, private, "among us")
    tampered.stage.backstage.tamper(tampered.channel, 3, **tampered.stage.backstage.stolen(private, 1))
    tampered.check(3)
    assert tampered.ada.socket().join(private)["messages"][0]["text"] == "among us"


def flipped(body: bytes) -> bytes:
    """One bit of the ciphertext changed, base64 left whole."""
    raw = bytearray(base64.urlsafe_b64decode(body))
    raw[len(raw) // 2] ^= 1
    return base64.urlsafe_b64encode(bytes(raw))


CHANGES: dict[str, Any] = {
    "one bit": flipped,
    "empty": lambda body: b"",
    "cut": lambda body: body[:-8],
    "longer": lambda body: body + b"AAAA",
    "clear text": lambda body: b"first",
    "no text": lambda body: b"\x00\xff\xfe" * 20,
    "under another key": lambda body: Fernet(Fernet.generate_key()).encrypt(b"first"),
}


@on_both_stages
@pytest.mark.parametrize("change", sorted(CHANGES))
def test_a_changed_body_is_refused(tampered: Tampered, change: str) -> None:
    stolen = tampered.stage.backstage.stolen(tampered.channel, 2)
    tampered.stage.backstage.tamper(tampered.channel, 2, body=CHANGES[change](stolen["body"]))
    tampered.check(2)


def test_an_answer_to_a_changed_message_quotes_none_of_it(tampered: Tampered) -> None:
    tampered.stage.backstage.tamper(tampered.channel, 1, body=b"first")
    socket = tampered.boris.socket()
    socket.join(tampered.channel)
    assert socket.send(tampered.channel, "what did you say?", reply_to=1)["ok"]
    heard = socket.wait_for_message("what did you say?")
    assert heard["reply_to"]["text"].startswith(UNVERIFIED)
    assert socket.join(tampered.channel)["messages"][-1] == heard
