"""Bans and timeouts: felt at once on every socket, kept through a restart, over when their time has passed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.audit.actor import Actor
from app.channels.channel import Channel
from app.channels.policy import Acting
from app.channels.sanction import Sanction
from app.chat import moderation
from app.chat.refusal import Refused
from app.clock import Clock, now
from app.extensions import db
from tests.chat.backstage import Backstage
from tests.chat.cast import Cast, assemble
from tests.chat.stage import PASSWORD, Stage, on_both_stages, on_every_transport, refusal
from tests.conftest import NewVisitor, StartServer
from tests.people import People
from tests.postgres import on_both_databases

WITHIN = 1.0


@on_both_stages
def test_a_banned_viewer_does_not_write_any_more_and_learns_why(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer", "other")
    sockets = [cast.socket("viewer"), cast.people["viewer"].socket()]
    for socket in sockets:
        socket.join(cast.channel)
    cast.done("moderator", "ban", username="viewer", reason="adverts")
    for socket in sockets:
        told = socket.wait_for_event("notice", WITHIN, code="banned")
        assert told["channel"] == cast.channel
        assert told["message"].endswith("Reason: adverts")
        assert told["me"]["sanction"] == {"kind": "ban", "until": None, "reason": "adverts"}
        assert refusal(socket.send(cast.channel, "but")) == "banned"
    assert refusal(cast.people["viewer"].socket().send(cast.channel, "from a new socket")) == "banned"
    assert cast.say("other", "still here")["ok"], "others are not"
    sockets[0].wait_for_message("still here")
    assert sockets[0].join(cast.channel)["me"]["sanction"]["kind"] == "ban", "who comes back is told again"
    assert stage.backstage.ids(cast.channel) == [1]


@on_both_stages
def test_a_timed_out_viewer_is_told_how_long_and_writes_again_after_it(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer")
    cast.socket("viewer").join(cast.channel)
    cast.done("moderator", "timeout", username="viewer", seconds=600, reason="caps")
    told = cast.socket("viewer").wait_for_event("notice", WITHIN, code="timed_out")
    assert 590 <= told["retry_after"] <= 600
    answer = cast.say("viewer", "BUT")
    assert refusal(answer) == "timed_out"
    assert 590 <= answer["error"]["retry_after"] <= 600
    cast.done("moderator", "unban", username="viewer", reason="enough")
    cast.socket("viewer").wait_for_event("notice", WITHIN, code="unbanned")
    assert cast.say("viewer", "thanks")["ok"]
    (lifted,) = cast.events("member.unbanned", "viewer")
    assert (lifted.details["lifted"], lifted.details["reason_given"]) == ("timeout", True)


def test_banned_reads_a_public_channel_and_no_other(stage: Stage) -> None:
    for access, code in (("public", None), ("accounts", "banned"), ("private", "not_found")):
        cast = assemble(stage, "member", access=access)
        socket = cast.socket("member")
        socket.join(cast.channel)
        cast.done("keeper", "ban", username="member")
        socket.wait_for_event("notice", WITHIN, code="banned")
        cast.say("keeper", "so quiet now")
        again = cast.people["member"].socket()
        page = cast.people["member"].get(f"/c/{cast.channel}")
        if code is None:
            socket.wait_for_message("so quiet now")
            again.join(cast.channel)
            assert page.status_code == 200
        else:
            for event, what in (("join", {}), ("history", {"before": 2}), ("people", {})):
                assert refusal(again.call(event, {"channel": cast.channel, **what})) == code, (access, event)
            assert page.status_code == (403 if access == "accounts" else 404)
            assert f"/c/{cast.channel}" not in cast.people["member"].get("/").text
            assert socket.received("message") == [], "shown out of the room"
        assert refusal(again.send(cast.channel, "hello?")) == (code or "banned")
        cast.done("keeper", "unban", username="member")
        assert again.join(cast.channel)["messages"], "membership was outweighed, not taken away"


def test_a_banned_member_writes_not_where_only_members_do(stage: Stage) -> None:
    cast = assemble(stage, "member", members_only=True)
    assert cast.say("member", "one of us")["ok"]
    cast.done("keeper", "ban", username="member")
    assert refusal(cast.say("member", "still one of us")) == "banned"


def test_one_channel_bans_for_itself_alone(stage: Stage) -> None:
    here, there = assemble(stage, "viewer"), stage.channel()
    here.done("keeper", "ban", username="viewer")
    assert refusal(here.say("viewer", "here")) == "banned"
    assert here.socket("viewer").send(there, "there")["ok"]


def test_a_timeout_replaces_a_timeout_and_weakens_no_ban(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer")
    cast.done("moderator", "timeout", username="viewer", seconds=1209600)
    cast.done("moderator", "timeout", username="viewer", seconds=10)
    assert cast.say("viewer", "x")["error"]["retry_after"] <= 10
    cast.done("moderator", "ban", username="viewer", reason="first")
    assert refusal(cast.moderate("moderator", "timeout", username="viewer", seconds=10)) == "bad_request"
    cast.done("keeper", "ban", username="viewer", reason="second")
    assert refusal(cast.say("viewer", "x")) == "banned"
    assert len(cast.events("member.banned", "viewer")) == 1, "two who ban at once have banned once"
    with stage.backstage.open():
        (held,) = Sanction.listed(cast.backstage_channel().id)
        assert (held.kind, held.stated_reason, held.by.username) == ("ban", "first", cast.name("moderator"))
        assert len(Sanction.listed(cast.backstage_channel().id, past=True)) == 3
    cast.done("moderator", "unban", username="viewer")
    assert cast.say("viewer", "back")["ok"]


@on_both_stages
def test_two_moderators_at_once_make_one_ban(stage: Stage) -> None:
    cast = assemble(stage, "moderator1", "moderator2", "viewer")
    answers: list[dict[str, Any]] = []
    done = Event()

    def note(answer: dict[str, Any]) -> None:
        answers.append(answer)
        if len(answers) == 4:
            done.set()

    ban = {"channel": cast.channel, "action": "ban", "username": cast.name("viewer")}
    for who in ("moderator1", "moderator2") * 2:
        cast.socket(who).client.emit("moderate", ban, callback=note)
    assert done.wait(10)
    assert all(answer["ok"] for answer in answers), answers
    assert len(cast.events("member.banned", "viewer")) == 1
    with stage.backstage.open():
        assert len(Sanction.listed(cast.backstage_channel().id, past=True)) == 1


@on_both_stages
def test_purging_removes_what_one_account_said_and_nothing_else(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer", "other")
    reader = stage.visitor().socket()
    reader.join(cast.channel)
    for number in range(3):
        assert cast.say("viewer", f"spam {number}")["ok"]
        assert cast.say("other", f"talk {number}")["ok"]
    cast.done("moderator", "timeout", username="viewer", seconds=60, purge=True)
    told = reader.wait_for_event("messages_cleared", WITHIN)
    assert told["username"] == cast.name("viewer")
    left = reader.join(cast.channel)["messages"]
    assert [message["text"] for message in left] == ["talk 0", "talk 1", "talk 2"]
    assert len(cast.events("chat.purged", "viewer")) == 1


# --- races ------------------------------------------------------------------------------------------------------------


class Flood(Thread):
    """Sends without pause until it is refused for good."""

    def __init__(self, cast: Cast, who: str) -> None:
        super().__init__()
        self.channel, self.socket = cast.channel, cast.people[who].socket()
        self.acknowledged: list[int] = []
        self.last: dict[str, Any] = {}
        self.started = Event()

    def run(self) -> None:
        for _ in range(3000):
            self.last = self.socket.send(self.channel, f"wave {uuid.uuid4().hex}")
            if not self.last["ok"]:
                return
            self.acknowledged.append(self.last["id"])
            self.started.set()


@on_both_stages
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_send_that_races_a_ban_is_stored_before_it_or_not_at_all(stage: Stage, where: str) -> None:
    cast = assemble(stage, "moderator", "viewer")
    reader = stage.visitor().socket()
    reader.join(cast.channel)
    floods = [Flood(cast, "viewer") for _ in range(3)]
    for flood in floods:
        flood.start()
    for flood in floods:
        assert flood.started.wait(20)
    if where == "here":
        cast.done("moderator", "ban", username="viewer")
    else:
        with cast.elsewhere() as acting:
            moderation.ban(acting, cast.name("viewer"))
    at_the_ban = stage.backstage.ids(cast.channel)
    for flood in floods:
        flood.join(30)
        assert not flood.is_alive()
        assert refusal(flood.last) == "banned"
    assert stage.backstage.ids(cast.channel) == at_the_ban, "nothing was stored after the ban was"
    assert cast.say("keeper", "quiet")["ok"]
    reader.wait_for_message("quiet")
    heard = [message["id"] for message in reader.received("message")]
    assert heard == [*at_the_ban, at_the_ban[-1] + 1], "what was not stored was not shown, and the rest once, in order"
    assert sorted(number for flood in floods for number in flood.acknowledged) == at_the_ban


@on_every_transport
def test_another_processes_ban_is_felt_within_a_second(stage: Stage) -> None:
    cast = assemble(stage, "viewer")
    cast.socket("viewer").join(cast.channel)
    assert cast.say("viewer", "one")["ok"]
    with cast.elsewhere() as acting:
        moderation.ban(acting, cast.name("viewer"), "heard elsewhere")
    assert refusal(cast.say("viewer", "two")) == "banned", "at once, whatever was heard of it yet"
    cast.socket("viewer").wait_for_event("notice", WITHIN, code="banned")


# --- time and restarts ------------------------------------------------------------------------------------------------


@pytest.mark.prove
def test_a_restart_forgets_no_sanction(start_server: StartServer, new_visitor: NewVisitor) -> None:
    server = start_server()
    backstage = Backstage(server)
    stage = Stage(server, backstage, new_visitor)
    cast = assemble(stage, "banned", "timed", "short")
    cast.done("keeper", "ban", username="banned", reason="for good")
    cast.done("keeper", "timeout", username="timed", seconds=3600)
    cast.done("keeper", "timeout", username="short", seconds=10)
    for person in cast.people.values():
        person.close_sockets()
    cast.sockets.clear()
    server.restart()
    with backstage.open():  # time passes: the short one is over, and nothing had to run for that
        short = backstage.account(cast.name("short"))
        ended = now() - timedelta(seconds=1)
        db.session.execute(update(Sanction).where(Sanction.account_id == short.id).values(until=ended))
        db.session.commit()
    assert refusal(cast.say("banned", "x")) == "banned"
    assert cast.socket("banned").join(cast.channel)["me"]["sanction"]["reason"] == "for good"
    answer = cast.say("timed", "x")
    assert refusal(answer) == "timed_out" and 3500 < answer["error"]["retry_after"] <= 3600
    assert cast.say("short", "x")["ok"]
    again = new_visitor(server).sign_in(cast.name("banned"), PASSWORD).socket()
    assert refusal(again.send(cast.channel, "after signing in anew")) == "banned"
    backstage.close()


@on_both_databases
def test_a_timeout_ends_at_its_second_without_anything_running(app: Flask, people: People, clock: Clock) -> None:
    keeper, viewer = people.account("stella"), people.account("vera")
    channel = Channel.open("stella", "Stella", keeper)
    db.session.commit()
    moderation.timeout(Acting(keeper, channel, Actor("stella")), "vera", 600, "a word")
    db.session.commit()
    begun = now()
    for seconds, held in ((0, True), (598, True), (601, False), (100_000, False)):
        clock.offset_seconds = seconds - (now() - begun).total_seconds() + clock.offset_seconds
        sanction = Sanction.in_force(channel.id, viewer.id)
        assert (sanction is not None) is held, seconds
    (past,) = Sanction.listed(channel.id, past=True)
    assert past.lifted_at is None and not past.holds
    assert past.stated_reason == "a word"
    with pytest.raises(Refused):
        moderation.unban(Acting(keeper, channel, Actor("stella")), "vera")


@on_both_databases
def test_bans_can_be_looked_for(app: Flask, people: People) -> None:
    keeper = people.account("stella")
    channel = Channel.open("stella", "Stella", keeper)
    names = ("vera", "victor", "otto", "per_cent")
    for name in names:
        people.account(name)
    acting = Acting(keeper, channel, Actor("stella"))
    for name in names:
        moderation.ban(acting, name)
    moderation.unban(acting, "otto")
    db.session.commit()

    def found(**what: Any) -> list[str]:
        return [sanction.account.username for sanction in Sanction.listed(channel.id, **what)]

    assert found() == ["per_cent", "victor", "vera"], "newest first"
    assert found(past=True) == ["per_cent", "otto", "victor", "vera"]
    assert found(name="V") == ["victor", "vera"]
    assert found(name="_") == ["per_cent"] and found(name="%") == [], "wildcards are characters like any"
    assert found(by="STELLA") == found() and found(by="vera") == []
    assert found(most=1) == ["per_cent"]
