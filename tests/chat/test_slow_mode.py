"""Slow mode and the rule against repeats: per account, over all sockets, decided where messages are stored."""

from __future__ import annotations

import uuid
from threading import Event
from typing import Any

import pytest

from app.audit.actor import Actor
from app.auth.session import UserSession
from app.chat.refusal import Refused
from app.chat.writer import Draft, Stored
from app.clock import Clock
from app.extensions import db
from tests.chat.cast import Cast, assemble
from tests.chat.stage import Stage, on_both_stages, refusal
from tests.chat_socket import ChatSocket


def send_at_once(sockets: list[ChatSocket], channel: str, text: str = "at once") -> list[dict[str, Any]]:
    """Send from several sockets without waiting; the answers."""
    answers: list[dict[str, Any]] = []
    all_there = Event()

    def note(answer: dict[str, Any]) -> None:
        answers.append(answer)
        if len(answers) == len(sockets):
            all_there.set()

    for number, socket in enumerate(sockets):
        payload = {"channel": channel, "text": f"{text} {number}", "nonce": uuid.uuid4().hex}
        socket.client.emit("send", payload, callback=note)
    assert all_there.wait(20), answers
    return answers


@on_both_stages
def test_in_slow_mode_each_person_writes_once_in_a_while(stage: Stage) -> None:
    cast = assemble(stage, "viewer1", "viewer2", "member", slow_mode_seconds=60)
    for who in ("viewer1", "viewer2", "member"):
        assert cast.say(who, "first")["ok"]
        answer = cast.say(who, "second")
        assert refusal(answer) == "slow_mode"
        assert 50 <= answer["error"]["retry_after"] <= 60
    assert stage.backstage.ids(cast.channel) == [1, 2, 3], "what is refused takes no number"


@on_both_stages
def test_parallel_sends_of_one_account_pass_once(stage: Stage) -> None:
    cast = assemble(stage, "viewer", slow_mode_seconds=60)
    sockets = [cast.people["viewer"].socket() for _ in range(6)]
    answers = send_at_once(sockets, cast.channel)
    assert [answer["ok"] for answer in answers].count(True) == 1, answers
    assert {refusal(answer) for answer in answers if not answer["ok"]} == {"slow_mode"}
    assert stage.backstage.ids(cast.channel) == [1]


def test_moderators_the_streamer_and_admins_are_exempt(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "admin", slow_mode_seconds=300, unique_messages=True)
    for who in ("keeper", "moderator", "admin"):
        for _ in range(3):
            assert cast.say(who, "calm down, please")["ok"], who


def test_slow_mode_begins_and_ends_for_who_is_there_already(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer")
    assert cast.say("viewer", "one")["ok"] and cast.say("viewer", "two")["ok"]
    cast.done("moderator", "slow", seconds=300)
    assert refusal(cast.say("viewer", "three")) == "slow_mode", "what was said before counts"
    cast.done("moderator", "slow", seconds=0)
    assert cast.say("viewer", "four")["ok"]


def test_a_retry_is_answered_as_before_and_waits_for_nothing(stage: Stage) -> None:
    cast = assemble(stage, "viewer", slow_mode_seconds=300, unique_messages=True)
    first = cast.say("viewer", "hello", nonce="same")
    assert cast.say("viewer", "hello", nonce="same")["id"] == first["id"]
    assert stage.backstage.ids(cast.channel) == [1]


def test_a_deleted_message_counts_too(stage: Stage) -> None:
    cast = assemble(stage, "viewer", slow_mode_seconds=300)
    cast.done("viewer", "delete", id=cast.say("viewer", "oops")["id"])
    assert refusal(cast.say("viewer", "again")) == "slow_mode"


def test_each_channel_counts_for_itself(stage: Stage) -> None:
    cast, other = assemble(stage, "viewer", slow_mode_seconds=300), assemble(stage, slow_mode_seconds=300)
    assert cast.say("viewer", "here")["ok"]
    assert cast.socket("viewer").send(other.channel, "and there")["ok"]


class AnotherProcess:
    """Stores lines of one account straight through the writer of this process, whose clock can be moved."""

    def __init__(self, cast: Cast, who: str) -> None:
        self.cast, self.who = cast, who
        with cast.stage.backstage.open():
            account = cast.stage.backstage.account(cast.name(who))
            session, _ = UserSession.start(account, Actor(account.username))
            db.session.commit()
            self.account_id, self.session_id = account.id, session.id
            self.channel_id = cast.backstage_channel().id

    def say(self, text: str) -> Stored | str:
        """Store ``text``; where it stands, or the code of the refusal."""
        with self.cast.stage.backstage.open():
            draft = Draft(
                self.channel_id,
                self.cast.channel,
                self.account_id,
                self.session_id,
                self.cast.name(self.who),
                [],
                "text",
                text,
                uuid.uuid4().hex,
                None,
            )
            try:
                stored: Stored = self.cast.stage.backstage.app.extensions["writer"].store(draft)
                return stored
            except Refused as refused:
                return refused.code


@on_both_stages
def test_slow_mode_counts_what_another_process_stored_and_ends_by_the_clock(stage: Stage, clock: Clock) -> None:
    cast = assemble(stage, "viewer", slow_mode_seconds=60)
    elsewhere = AnotherProcess(cast, "viewer")
    assert cast.say("viewer", "through the server")["ok"]
    assert elsewhere.say("through another") == "slow_mode"
    clock.offset_seconds = 58
    assert elsewhere.say("a little early") == "slow_mode"
    clock.offset_seconds = 61
    assert isinstance(elsewhere.say("in time"), Stored)
    clock.offset_seconds = 0


def test_a_clock_that_is_set_back_a_day_makes_nobody_wait_until_it_has_caught_up(stage: Stage, clock: Clock) -> None:
    cast = assemble(stage, "viewer", slow_mode_seconds=60, unique_messages=True)
    elsewhere = AnotherProcess(cast, "viewer")
    clock.offset_seconds = 86400
    assert isinstance(elsewhere.say("gg"), Stored)
    clock.offset_seconds = 0
    assert isinstance(elsewhere.say("gg"), Stored)
    assert elsewhere.say("and again") == "slow_mode", "what is said now counts"


# --- repeats ----------------------------------------------------------------------------------------------------------


def test_repeats_are_refused_where_the_channel_says_so(stage: Stage) -> None:
    cast = assemble(stage, "viewer1", "viewer2", unique_messages=True)
    assert cast.say("viewer1", "Buy my  THING")["ok"]
    for again in ("Buy my THING", "buy my thing", "  BUY MY\nTHING ", "Buy my \uff34HING"):
        assert refusal(cast.say("viewer1", again)) == "duplicate", again
    assert cast.say("viewer1", "Buy my thing!")["ok"], "another text"
    assert cast.say("viewer2", "Buy my thing")["ok"], "another person"
    free = assemble(stage)
    for _ in range(2):
        assert cast.socket("viewer1").send(free.channel, "Buy my thing")["ok"], "another channel, without the rule"
    assert stage.backstage.ids(cast.channel) == [1, 2, 3]


def test_repeats_at_the_same_moment_pass_once(stage: Stage) -> None:
    cast = assemble(stage, "viewer", unique_messages=True)
    sockets = [cast.people["viewer"].socket() for _ in range(5)]
    answers: list[dict[str, Any]] = []
    done = Event()

    def note(answer: dict[str, Any]) -> None:
        answers.append(answer)
        if len(answers) == 5:
            done.set()

    for number, socket in enumerate(sockets):
        socket.client.emit("send", {"channel": cast.channel, "text": "me", "nonce": str(number)}, callback=note)
    assert done.wait(10)
    assert [answer["ok"] for answer in answers].count(True) == 1
    assert {refusal(answer) for answer in answers if not answer["ok"]} == {"duplicate"}


def test_after_half_a_minute_the_same_may_be_said_again(stage: Stage, clock: Clock) -> None:
    cast = assemble(stage, "viewer", unique_messages=True)
    elsewhere = AnotherProcess(cast, "viewer")
    assert isinstance(elsewhere.say("gg"), Stored)
    clock.offset_seconds = 29
    assert elsewhere.say("GG") == "duplicate"
    clock.offset_seconds = 31
    assert isinstance(elsewhere.say("gg"), Stored)


@pytest.mark.parametrize("mode", ["slow_mode_seconds", "unique_messages"])
def test_what_was_refused_for_another_reason_uses_nothing_up(stage: Stage, mode: str) -> None:
    cast = assemble(stage, "viewer", **{mode: 30 if mode == "slow_mode_seconds" else True})
    cast.done("keeper", "timeout", username="viewer", seconds=600)
    assert refusal(cast.say("viewer", "hello")) == "timed_out"
    cast.done("keeper", "unban", username="viewer")
    assert cast.say("viewer", "hello")["ok"]
