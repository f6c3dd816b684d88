"""Moderating a live chat: modes, clearing, what everybody is told, and that other processes hear of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.channels import roster, settings
from app.chat import moderation
from tests.chat.backstage import Backstage
from tests.chat.cast import assemble
from tests.chat.stage import Stage, on_both_stages, on_every_transport, refusal

WITHIN = 1.0  # seconds in which everybody must have heard, whichever process it was done in


@on_both_stages
def test_a_change_of_mode_is_told_to_everybody_who_reads(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer")
    visitor = stage.visitor().socket()
    for reader in (cast.socket("viewer"), visitor):
        reader.join(cast.channel)
    cast.done("moderator", "slow", seconds=30)
    for reader in (cast.socket("viewer"), visitor):
        told = reader.wait_for_event("channel_updated", WITHIN)
        assert (told["channel"]["slug"], told["channel"]["slow_mode"]) == (cast.channel, 30)
        assert told["changed"] == ["slow_mode"]
    cast.done("moderator", "members_only", on=True)
    told = visitor.wait_for_event("channel_updated", WITHIN, changed=["members_only"])
    assert told["channel"]["members_only"] is True
    assert visitor.join(cast.channel)["channel"] == told["channel"], "who comes later is told the same"
    cast.done("moderator", "members_only", on=True)
    cast.done("moderator", "slow", seconds=0)
    visitor.wait_for(lambda _: visitor.received("channel_updated")[-1]["channel"]["slow_mode"] == 0, WITHIN)
    assert len(visitor.received("channel_updated")) == 3, "what changes nothing is told to nobody"
    changes = [(event.details["what"], event.details["after"]) for event in cast.events("channel.changed")]
    assert changes == [("slow_mode_seconds", 30), ("members_only", True), ("slow_mode_seconds", 0)]


def test_a_change_in_another_process_is_heard_within_a_second(stage: Stage) -> None:
    cast = assemble(stage, "viewer", "member")
    reader = cast.socket("viewer")
    reader.join(cast.channel)
    with cast.elsewhere() as acting:
        settings.change(acting, {"title": "Evening", "slow_mode_seconds": 7})
        settings.set_live(acting, True)
    told = reader.wait_for_event("channel_updated", WITHIN, changed=["title", "slow_mode"])
    assert told["channel"]["title"] == "Evening"
    assert told["channel"]["slow_mode"] == 7
    reader.wait_for_event("channel_updated", WITHIN, changed=["live"])
    assert cast.say("viewer", "one")["ok"]
    assert refusal(cast.say("viewer", "two")) == "slow_mode"


@on_both_stages
def test_clearing_removes_everything_from_screens_and_history(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer")
    stage.backstage.write(cast.channel, [f"line {number}" for number in range(1203)])  # more than one batch
    cast.socket("viewer").join(cast.channel)
    cast.done("moderator", "clear")
    told = cast.socket("viewer").wait_for_event("messages_cleared", WITHIN)
    assert told == {"channel": cast.channel, "up_to": 1203}
    assert stage.visitor().socket().join(cast.channel)["messages"] == []
    older = cast.socket("viewer").call("history", {"channel": cast.channel, "before": 1204})
    assert (older["messages"], older["more"]) == ([], False)
    assert cast.say("viewer", "first again")["id"] == 1204, "numbers go on"
    assert len(stage.backstage.ids(cast.channel)) == 1204, "and have no holes"
    assert [event.details["up_to"] for event in cast.events("chat.cleared")] == [1203]


def test_what_is_said_while_a_long_chat_is_cleared_stays(stage: Stage) -> None:
    cast = assemble(stage, "viewer")
    stage.backstage.write(cast.channel, ["old"] * 1600)
    cast.socket("keeper").client.emit("moderate", {"channel": cast.channel, "action": "clear"})
    said = [cast.say("viewer", f"new {number}") for number in range(20)]
    assert all(answer["ok"] for answer in said)
    cast.done("keeper", "clear")  # answered once the first is through: one after the other on one socket
    later = cast.say("viewer", "later")["id"]
    assert [message["id"] for message in cast.socket("viewer").join(cast.channel)["messages"]] == [later]


@on_every_transport
def test_acts_and_their_refusals_are_on_record_with_who_and_whom(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer")
    cast.done("moderator", "timeout", username="viewer", seconds=600, reason="qzv-a-reason")
    (event,) = cast.events("member.timed_out", "viewer")
    assert (event.actor_name, event.details["seconds"], event.details["reason_given"]) == (
        cast.name("moderator"),
        600,
        True,
    )
    assert event.ip == "127.0.0.1"
    assert refusal(cast.moderate("viewer", "ban", username="keeper")) == "forbidden"
    (attempt,) = cast.events("moderation.refused", "keeper")
    assert (attempt.actor_name, attempt.details["act"]) == (cast.name("viewer"), "ban")
    assert "qzv-a-reason" not in "".join(stage.backstage.every_value()), "the reason is sealed"
    assert "qzv-a-reason" not in stage.server.log


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"action": "sudo"},
        {"action": 1},
        {"action": "delete"},
        {"action": "delete", "id": "1"},
        {"action": "delete", "id": -1},
        {"action": "delete", "id": 2**60},
        {"action": "timeout", "username": "x"},
        {"action": "timeout", "username": "x", "seconds": 9},
        {"action": "timeout", "username": "x", "seconds": 1209601},
        {"action": "timeout", "username": "x", "seconds": 10.5},
        {"action": "timeout", "username": "x", "seconds": True},
        {"action": "timeout", "username": "x", "seconds": 60, "reason": "r" * 301},
        {"action": "timeout", "username": "x", "seconds": 60, "reason": 1},
        {"action": "ban"},
        {"action": "ban", "username": ""},
        {"action": "ban", "username": ["x"]},
        {"action": "ban", "username": "x", "purge": "yes"},
        {"action": "ban", "username": "x", "reason": "\ud800"},
        {"action": "slow"},
        {"action": "slow", "seconds": 301},
        {"action": "slow", "seconds": -1},
        {"action": "members_only"},
        {"action": "members_only", "on": 1},
    ],
)
def test_a_malformed_act_is_a_bad_request(stage: Stage, what: dict[str, Any]) -> None:
    channel_keeper = assemble(stage)
    answer = channel_keeper.socket("keeper").call("moderate", {"channel": channel_keeper.channel, **what})
    assert refusal(answer) == "bad_request"


def test_whom_or_what_nobody_knows_is_not_found(stage: Stage) -> None:
    cast = assemble(stage, "viewer")
    for what in (
        {"action": "delete", "id": 77},
        {"action": "ban", "username": "nobody-of-that-name"},
        {"action": "ban", "username": "nul\0nul"},
        {"action": "unban", "username": cast.name("viewer")},
    ):
        answer = cast.socket("keeper").call("moderate", {"channel": cast.channel, **what})
        assert refusal(answer) in ("not_found", "bad_request"), what
    assert refusal(cast.socket("keeper").call("moderate", {"channel": "no-such", "action": "clear"})) == "not_found"


def test_moderating_has_a_limit_of_its_own(start_server: Any, new_visitor: Any) -> None:
    server = start_server(RATELIMIT_MODERATION="3 per minute")
    backstage = Backstage(server)
    cast = assemble(Stage(server, backstage, new_visitor), "viewer")
    for _ in range(3):
        assert refusal(cast.moderate("viewer", "clear")) == "forbidden"
    answer = cast.moderate("viewer", "clear")
    assert refusal(answer) == "rate_limited" and answer["error"]["retry_after"] > 0
    assert len(cast.events("moderation.refused")) == 3, "whoever floods does not flood the log"
    cast.done("keeper", "clear")
    backstage.close()


@on_both_stages
def test_the_people_in_a_channel_are_listed_with_their_badges(stage: Stage) -> None:
    cast = assemble(stage, "moderator", "viewer", "admin")
    for who in cast.people:
        cast.socket(who).join(cast.channel)
    cast.people["viewer"].socket().join(cast.channel)
    visitors = [stage.visitor().socket() for _ in range(2)]
    for visitor in visitors:
        visitor.join(cast.channel)
    answer = visitors[0].call("people", {"channel": cast.channel})
    assert answer["visitors"] == 2
    badges = {person["username"]: person["badges"] for person in answer["people"]}
    assert badges == {
        cast.name("keeper"): ["streamer"],
        cast.name("moderator"): ["moderator"],
        cast.name("admin"): ["admin"],
        cast.name("viewer"): [],
    }
    assert answer["people"][-1]["username"] == cast.name("viewer"), "those with a badge come first"
    private = stage.channel(access="private")
    assert refusal(visitors[0].call("people", {"channel": private})) == "not_found"


# --- membership, felt at once -----------------------------------------------------------------------------------------


@on_both_stages
def test_a_new_moderator_moderates_on_the_socket_they_have(stage: Stage) -> None:
    cast = assemble(stage, "friend", "viewer")
    friend = cast.socket("friend")
    assert friend.join(cast.channel)["me"]["can_moderate"] is False
    assert refusal(cast.moderate("friend", "ban", username="viewer")) == "forbidden"
    with cast.elsewhere() as acting:
        roster.make_moderator(acting, stage.backstage.account(cast.name("friend")))
    told = friend.wait_for_event("notice", WITHIN, code="role_changed")
    assert (told["channel"], told["me"]["can_moderate"]) == (cast.channel, True)
    cast.done("friend", "ban", username="viewer")
    assert cast.say("friend", "hear, hear")["ok"]
    assert cast.socket("friend").wait_for_message("hear, hear")["author"]["badges"] == ["moderator"]
    with cast.elsewhere() as acting:
        roster.unmake_moderator(acting, stage.backstage.account(cast.name("friend")))
    assert refusal(cast.moderate("friend", "unban", username="viewer")) == "forbidden", "at once, heard or not"


@on_both_stages
def test_who_is_taken_out_of_a_private_channel_hears_nothing_more(stage: Stage) -> None:
    cast = assemble(stage, "member1", "member2", access="private")
    out, stays = cast.socket("member1"), cast.socket("member2")
    for reader in (out, stays):
        reader.join(cast.channel)
    with cast.elsewhere() as acting:
        roster.remove_member(acting, stage.backstage.account(cast.name("member1")))
    out.wait_for_event("notice", WITHIN, code="forbidden", channel=cast.channel)
    assert cast.say("keeper", "are we alone?")["ok"]
    stays.wait_for_message("are we alone?")
    public = stage.channel()
    out.join(public)
    assert stage.viewer("ada").socket().send(public, "in the open")["ok"]
    out.wait_for_message("in the open")
    assert len(out.received("message")) == 1
    for event, what in (("join", {}), ("history", {"before": 9}), ("people", {})):
        assert refusal(out.call(event, {"channel": cast.channel, **what})) == "not_found"
    assert refusal(out.send(cast.channel, "let me in")) == "not_found"


def test_a_channel_that_closes_shows_out_who_may_not_stay(stage: Stage) -> None:
    cast = assemble(stage, "member", "viewer")
    visitor = stage.visitor().socket()
    for reader in (cast.socket("member"), cast.socket("viewer"), visitor):
        reader.join(cast.channel)
    with cast.elsewhere() as acting:
        settings.change(acting, {"access": "accounts"})
    visitor.wait_for_event("notice", WITHIN, code="forbidden")
    assert cast.say("keeper", "people with accounts")["ok"]
    cast.socket("viewer").wait_for_message("people with accounts")
    with cast.elsewhere() as acting:
        settings.change(acting, {"access": "private"})
    cast.socket("viewer").wait_for_event("notice", WITHIN, code="forbidden")
    assert refusal(cast.say("viewer", "hello?")) == "not_found"
    assert cast.say("keeper", "only us")["ok"]
    cast.socket("member").wait_for_message("only us")
    assert [message["text"] for message in visitor.received("message")] == []
    assert [message["text"] for message in cast.socket("viewer").received("message")] == ["people with accounts"]


def test_a_verb_in_another_process_deletes_on_every_screen(stage: Stage) -> None:
    cast = assemble(stage, "viewer")
    reader = stage.visitor().socket()
    reader.join(cast.channel)
    first, second = cast.say("viewer", "one")["id"], cast.say("viewer", "two")["id"]
    with cast.elsewhere() as acting:
        moderation.delete(acting, first)
    assert reader.wait_for_event("message_deleted", WITHIN)["id"] == first
    with cast.elsewhere() as acting:
        rest = moderation.ban(acting, cast.name("viewer"), purge=True)
    with stage.backstage.open():
        moderation.finish(rest)
    told = reader.wait_for_event("messages_cleared", WITHIN)
    assert told == {"channel": cast.channel, "up_to": second, "username": cast.name("viewer")}
    assert len(reader.received("message_deleted")) == 1, "nobody is told twice"
