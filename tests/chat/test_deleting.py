"""Deleting a message: gone from every screen, every page of history, every reply to it, and from the database."""

from __future__ import annotations

from threading import Thread

import pytest
from sqlalchemy import select

from app.chat import moderation, verification
from app.chat.message import Message, open_body
from app.encryption.data_key import data_keys
from app.extensions import db
from tests.chat.cast import Cast, assemble
from tests.chat.stage import Stage, on_both_stages, on_every_transport, refusal

WITHIN = 1.0
REMOVED = "message removed"


@on_both_stages
def test_a_deleted_message_is_gone_from_screens_history_and_joins(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer")
    reader = stage.visitor().socket()
    reader.join(cast.channel)
    for text in ("first", "second", "third"):
        assert cast.say("viewer", text)["ok"]
    cast.done("moderator", "delete", id=2)
    assert reader.wait_for_event("message_deleted", WITHIN) == {"channel": cast.channel, "id": 2}
    for answer in (
        reader.join(cast.channel),
        reader.join(cast.channel, after=0),
        reader.call("history", {"channel": cast.channel, "before": 4}),
    ):
        assert [message["text"] for message in answer["messages"]] == ["first", "third"]
    assert "second" not in stage.visitor().get(f"/c/{cast.channel}").text
    assert "third" in stage.visitor().get(f"/c/{cast.channel}").text
    assert cast.say("viewer", "fourth")["id"] == 4, "its number is not used again"
    (event,) = cast.events("message.deleted", "viewer")
    assert (event.actor_name, event.details["message"]) == (cast.name("moderator"), 2)


@on_both_stages
def test_what_it_said_is_gone_from_the_database_and_the_row_still_verifies(stage: Stage) -> None:
    cast = assemble(stage, "viewer")
    assert cast.say("viewer", "a secret slipped out")["ok"]
    before = stage.backstage.rows(cast.channel)[0].body
    cast.done("viewer", "delete", id=1)
    (row,) = stage.backstage.rows(cast.channel)
    assert row.body != before, "the old ciphertext is still there"
    with stage.backstage.open():
        message = db.session.scalars(select(Message).where(Message.channel_id == cast.backstage_channel().id)).one()
        key = data_keys().fernet(message.data_key_id)
        assert open_body(key, 1, message.random_id, message.channel_id, message.author_id, message.body) == ""
        assert message.deleted_at is not None
        assert message.deleted_by_id == stage.backstage.account(cast.name("viewer")).id
        # Other tests tamper with channels of their own on this server, so only what is found in this one counts.
        found = [problem for _, page in verification.pages() for problem in page]
        assert not [problem for problem in found if problem.channel == cast.channel]


@on_both_stages
def test_a_reply_to_a_deleted_message_says_that_it_was_removed(stage: Stage) -> None:
    cast = assemble(stage, "viewer", "other")
    assert cast.say("viewer", "what was said")["ok"]
    assert cast.say("other", "I heard that", reply_to=1)["ok"]
    shown = cast.socket("other").join(cast.channel)["messages"][-1]
    assert shown["reply_to"]["text"] == "what was said"
    cast.done("keeper", "delete", id=1)
    shown = cast.socket("other").join(cast.channel)["messages"][-1]
    assert shown["reply_to"] == {"id": 1, "username": "", "text": REMOVED}
    page = stage.visitor().get(f"/c/{cast.channel}").text
    assert REMOVED in page and "what was said" not in page
    assert refusal(cast.say("other", "again", reply_to=1)) == "not_found", "nobody quotes it any more"


def test_ones_own_goes_within_two_minutes_and_nobody_elses(stage: Stage) -> None:
    cast = assemble(stage, "viewer", "other")
    young = cast.say("viewer", "oops")["id"]
    assert refusal(cast.moderate("other", "delete", id=young)) == "forbidden"
    cast.done("viewer", "delete", id=young)
    old = cast.old_message("viewer")
    assert refusal(cast.moderate("viewer", "delete", id=old)) == "forbidden"
    assert len(cast.events("moderation.refused", "viewer")) == 2
    cast.done("keeper", "delete", id=old)
    assert refusal(stage.visitor().socket().call("moderate", {"channel": cast.channel, "action": "delete", "id": 1}))


def test_who_is_timed_out_may_still_take_back_what_they_just_said(stage: Stage) -> None:
    cast = assemble(stage, "viewer")
    said = cast.say("viewer", "in anger")["id"]
    cast.done("keeper", "timeout", username="viewer", seconds=600)
    cast.done("viewer", "delete", id=said)


def test_deleting_twice_is_one_act(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer")
    reader = stage.visitor().socket()
    reader.join(cast.channel)
    said = cast.say("viewer", "x")["id"]
    cast.done("moderator", "delete", id=said)
    cast.done("keeper", "delete", id=said)
    cast.say("viewer", "y")
    reader.wait_for_message("y")
    assert len(reader.received("message_deleted")) == 1
    assert [event.actor_name for event in cast.events("message.deleted", "viewer")] == [cast.name("moderator")]


def test_ids_of_other_channels_are_not_reached(stage: Stage) -> None:
    here, there = assemble(stage, "viewer"), assemble(stage)
    assert there.say("keeper", "mine")["id"] == 1
    assert refusal(here.moderate("keeper", "delete", id=1)) == "not_found"
    assert there.socket("keeper").join(there.channel)["messages"][0]["text"] == "mine"


@on_every_transport
def test_who_was_away_learns_what_went_meanwhile(stage: Stage) -> None:
    cast = assemble(stage, "viewer")
    for number in range(1, 6):
        assert cast.say("viewer", f"line {number}")["id"] == number
    for number in (2, 5):
        cast.done("keeper", "delete", id=number)
    answer = stage.visitor().socket().join(cast.channel, after=4)
    assert answer["messages"] == []
    assert answer["deleted"] == [2], "of those that it has seen"
    assert stage.visitor().socket().join(cast.channel, after=5)["deleted"] == [2, 5]
    assert "deleted" not in stage.visitor().socket().join(cast.channel), "who comes anew has seen none"
    assert stage.visitor().socket().join(cast.channel, after=10**9)["deleted"] == [2, 5]


class Deleter(Thread):
    """Deletes the newest messages one after the other."""

    def __init__(self, cast: Cast, ids: list[int]) -> None:
        super().__init__()
        self.cast, self.ids = cast, ids
        cast.socket("keeper")

    def run(self) -> None:
        for message_id in self.ids:
            self.cast.done("keeper", "delete", id=message_id)


@on_both_stages
def test_nobody_who_joins_meanwhile_keeps_a_deleted_message(stage: Stage) -> None:
    cast = assemble(stage)
    stage.backstage.write(cast.channel, ["wave"] * 60)
    deleter = Deleter(cast, list(range(11, 61)))
    readers = [stage.visitor().socket() for _ in range(15)]
    deleter.start()
    answers = [reader.join(cast.channel) for reader in readers]
    deleter.join(30)
    assert not deleter.is_alive()
    cast.say("keeper", "done")
    for reader, answer in zip(readers, answers, strict=True):
        reader.wait_for_message("done")
        shown = {message["id"] for message in answer["messages"]}
        gone = {event["id"] for event in reader.received("message_deleted")}
        assert not (shown - gone) & set(deleter.ids), "it stands on this screen for ever"


@pytest.mark.parametrize("who", ["member", "outsider"])
def test_nobody_learns_of_a_deletion_where_they_may_not_read(stage: Stage, who: str) -> None:
    cast = assemble(stage, "member", "outsider", access="private")
    socket = cast.socket(who)
    answer = socket.call("join", {"channel": cast.channel})
    said = cast.say("keeper", "among us")["id"]
    with cast.elsewhere() as acting:
        moderation.delete(acting, said)
    public = stage.channel()
    socket.join(public)
    if who == "member":
        assert answer["ok"]
        socket.wait_for_event("message_deleted", WITHIN)
    else:
        assert refusal(answer) == "not_found"
        stage.viewer("ada").socket().send(public, "in the open")
        socket.wait_for_message("in the open")
        assert socket.received("message_deleted") == []
