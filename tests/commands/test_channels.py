"""``flask channels``: an operator opens, shuts and moves channels without an application."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from app.auth import name as names
from app.auth.announcement import Announcement
from app.auth.user import User
from app.channels.channel import Channel
from app.extensions import db
from tests.commands.conftest import RunFlask, say
from tests.people import People
from tests.tables import events, everything


def at(slug: str) -> Channel:
    """The channel as it stands in the database now."""
    db.session.rollback()
    channel = Channel.at(slug)
    assert channel
    return channel


def test_an_account_becomes_streamer_of_a_new_channel_and_signs_in_anew(flask: RunFlask, people: People) -> None:
    vera = people.viewer("vera")
    flask("channels", "create", "harbour", "--owner", "vera", "--title", "The harbour")
    channel = at("harbour")
    assert (channel.title, channel.owner.username, channel.owner.role) == ("The harbour", "vera", "streamer")
    assert not vera.signed_in
    assert people.visitor().get("/c/harbour").status_code == 200
    [event] = events("channel.created")
    assert (event.actor_name, event.target_name) == ("flask channels create", "harbour")
    say(channel, channel.owner, "a channel has a key of its own")


def test_an_admin_who_streams_stays_admin_and_signed_in(flask: RunFlask, people: People) -> None:
    ada = people.admin("ada")
    flask("channels", "create", "harbour", "--owner", "ada")
    assert at("harbour").owner.role == "admin"
    assert ada.signed_in


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("harbour", "--owner", "nobody"), 1, "no account named nobody"),
        (("harbour",), 2, "--owner"),
        (("stella", "--owner", "vera"), 1, "taken"),
        (("ste11a", "--owner", "vera"), 1, "taken"),
        (("admin", "--owner", "vera"), 1, "reserved"),
        (("Har bour", "--owner", "vera"), 1, "lower-case"),
        (("harbour", "--owner", "vera", "--title", "x" * 81), 2, "1 to 80"),
        (("second", "--owner", "stella"), 1, "owns /c/stella already"),
        (("harbour", "--owner", "gone"), 1, "is disabled"),
    ],
)
def test_what_cannot_be_opened_changes_nothing(
    flask: RunFlask, people: People, arguments: tuple[str, ...], code: int, says: str
) -> None:
    people.account("vera")
    people.account("gone").disable()
    Channel.open("stella", "Stella", people.account("stella"))
    db.session.commit()
    before = everything()
    assert says in flask("channels", "create", *arguments, code=code).stderr
    assert everything() == before


def test_a_disabled_channel_is_there_for_nobody(flask: RunFlask, people: People) -> None:
    stella = people.streamer("stella")
    assert stella.get("/c/stella").status_code == 200
    flask("channels", "disable", "stella")
    assert stella.get("/c/stella").status_code == 404
    assert "channel_changed" in set(db.session.scalars(select(Announcement.kind)))
    assert len(events("channel.disabled")) == 1
    assert "is disabled already" in flask("channels", "disable", "stella").stdout
    assert len(events("channel.disabled")) == 1


def test_a_renamed_channel_moves_with_its_messages_and_frees_its_name(flask: RunFlask, people: People) -> None:
    channel = Channel.open("harbour", "Harbour", people.account("stella"))
    say(channel, db.session.get_one(User, channel.owner_id), "ahoy")
    flask("channels", "rename", "harbour", "pier")
    assert people.visitor().get("/c/harbour").status_code == 404
    assert "ahoy" in people.visitor().get("/c/pier").text
    assert not names.is_taken("harbour") and names.is_taken("pier")
    [event] = events("channel.renamed")
    assert event.details == {"before": "harbour", "after": "pier"}


def test_a_channel_may_move_to_its_owners_name_and_back_and_the_name_stays_the_owners(
    flask: RunFlask, people: People
) -> None:
    Channel.open("harbour", "Harbour", people.account("stella"))
    db.session.commit()
    flask("channels", "rename", "harbour", "stella")
    flask("channels", "rename", "stella", "harbour")
    db.session.rollback()
    assert names.is_taken("stella") and names.is_taken("harbour")


def test_a_channel_may_move_to_a_name_that_looks_like_its_old_one(flask: RunFlask, people: People) -> None:
    Channel.open("harbour-1", "Harbour", people.account("stella"))
    db.session.commit()
    flask("channels", "rename", "harbour-1", "harbour-l")
    assert names.is_taken("harbour-1")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("harbour", "vera", "taken"),
        ("harbour", "settings", "reserved"),
        ("harbour", "harbour", "already"),
        ("nowhere", "pier", "no channel"),
        ("harbour", "Pier", "lower-case"),
    ],
)
def test_a_move_that_is_refused_changes_nothing(flask: RunFlask, people: People, old: str, new: str, says: str) -> None:
    people.account("vera")
    Channel.open("harbour", "Harbour", people.account("stella"))
    db.session.commit()
    before = everything()
    assert says in flask("channels", "rename", old, new, code=1).stderr
    assert everything() == before


def test_the_list_says_what_is_where(flask: RunFlask, people: People) -> None:
    channel = Channel.open("harbour", "Harbour", people.account("stella"))
    say(channel, db.session.get_one(User, channel.owner_id), "ahoy")
    [listed] = json.loads(flask("channels", "list", "--json").stdout)
    assert (listed["slug"], listed["owner"], listed["state"], listed["messages"]) == ("harbour", "stella", "open", 1)
    assert "harbour  Harbour  stella" in flask("channels", "list").stdout
