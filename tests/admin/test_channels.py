"""Channels as admins look after them: found, opened without an application, moved, shut and opened again."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask

from app.auth import name as names
from app.auth.announcement import Announcement
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import Clock, now
from app.extensions import db
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.statements import counted
from tests.tables import events, everything

LIST = "/admin/channels"
SLUG = re.compile(r'<a href="/admin/channels/\d+">/c/([^<]+)</a>')
RECORD = ("audit_event", "audit_head")


def slugs(person: Person, query: str = "") -> list[str]:
    """The addresses on the list, in order."""
    answer = person.get(f"{LIST}{query}")
    assert answer.status_code == 200
    return [html.unescape(slug) for slug in SLUG.findall(answer.text)]


def at(slug: str) -> Channel:
    """The channel as it stands in the database now."""
    db.session.rollback()
    channel = Channel.at(slug)
    assert channel, slug
    return channel


def open_channel(person: Person, **fields: str) -> tuple[int, str]:
    """Fill in the form and send it; returns the answer's status and text."""
    typed = {"owner": "vera", "slug": "harbour", "title": "The harbour", **fields}
    answer = person.post_form(f"{LIST}/open", on=LIST, **typed)
    return answer.status_code, html.unescape(answer.text)


@pytest.mark.parametrize("role", ["visitor", "viewer", "streamer"])
def test_channels_are_the_admins_to_look_after(people: People, role: str) -> None:
    person = getattr(people, role)()
    Channel.open("harbour", "The harbour", people.account("keeper"))
    db.session.commit()
    page = f"{LIST}/{at('harbour').id}"
    before = everything(without=RECORD)
    refused = 302 if role == "visitor" else 403
    assert [person.get(path).status_code for path in (LIST, page)] == [refused] * 2
    on = "/login" if role == "visitor" else "/"
    fields = {"owner": "keeper", "slug": "other", "title": "Other"}
    for path in (f"{LIST}/open", f"{page}/rename", f"{page}/disable", f"{page}/enable"):
        assert person.post(path, on=on, **fields).status_code == refused, path
    assert everything(without=RECORD) == before


@on_both_databases
def test_channels_are_found_by_address_title_and_owner_and_filtered(people: People) -> None:
    ada = people.admin("ada")
    for slug, title, owner in (("harbour", "Boats", "keeper"), ("night-sky", "Stars", "vera"), ("attic", "Dust", "bo")):
        Channel.open(slug, title, people.account(owner))
    at_attic = Channel.at("attic")
    sky = Channel.at("night-sky")
    assert at_attic
    assert sky
    at_attic.disabled_at, sky.live_since, sky.access = now(), now(), "private"
    db.session.commit()
    assert slugs(ada) == ["attic", "harbour", "night-sky"]
    assert slugs(ada, "?name=SKY") == ["night-sky"]
    assert slugs(ada, "?name=boat") == ["harbour"]
    assert slugs(ada, "?name=Keep") == ["harbour"]
    assert slugs(ada, "?name=%25") == [], "no pattern, but what was typed"
    assert slugs(ada, "?name=%00") == ["attic", "harbour", "night-sky"]
    assert slugs(ada, "?state=live") == ["night-sky"]
    assert slugs(ada, "?state=open") == ["harbour"]
    assert slugs(ada, "?state=disabled") == ["attic"]
    assert slugs(ada, "?access=private&state=live") == ["night-sky"]
    assert "No channel like that" in ada.get(f"{LIST}?name=nothing").text


@pytest.mark.parametrize("query", ["?state=dead", "?access=all", "?page=x", "?page=-1"])
def test_a_filter_that_makes_no_sense_finds_nothing(people: People, query: str) -> None:
    assert people.admin().get(f"{LIST}{query}").status_code == 404


@on_both_databases
def test_fifty_on_a_page_for_the_price_of_one(people: People, app: Flask) -> None:
    ada = people.admin("ada")
    Channel.open("first", "First", User.create("first-owner", None))
    db.session.commit()
    with counted() as few:
        slugs(ada)
    for number in range(120):
        Channel.open(f"room-{number:03}", "A room", User.create(f"owner-{number:03}", None))
    db.session.commit()
    with counted() as many:
        slugs(ada)
    assert len(few) == len(many)
    pages = [slugs(ada, f"?name=o&page={number}") for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [50, 50, 21, 0]
    assert 'rel="next" href="/admin/channels?page=2&amp;name=o"' in ada.get(f"{LIST}?name=o").text


@on_both_databases
def test_an_account_without_a_channel_gets_one_and_signs_in_anew(people: People) -> None:
    ada, vera = people.admin("ada"), people.viewer("vera")
    assert open_channel(ada)[0] == 302
    channel = at("harbour")
    assert (channel.title, channel.owner.username, channel.owner.role) == ("The harbour", "vera", "streamer")
    assert not vera.signed_in, "another role is another set of rights"
    assert people.visitor().get("/c/harbour").status_code == 200
    [event] = events("channel.created")
    assert (event.actor_name, event.target_name, event.details) == ("ada", "harbour", {"owner": "vera"})


def test_an_admin_who_streams_opens_their_own(people: People) -> None:
    """Nobody decides their own application: this is the way, and it is on record."""
    ada = people.admin("ada")
    assert open_channel(ada, owner="ada")[0] == 302
    assert at("harbour").owner.role == "admin"
    assert ada.signed_in
    assert len(events("channel.created")) == 1


@on_both_databases
@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ({"owner": ""}, 400, "Type the owner's user name."),
        ({"owner": "nobody"}, 400, "There is no account of that name."),
        ({"owner": "stella"}, 409, "stella owns /c/stella already"),
        ({"owner": "shut"}, 409, "shut is disabled"),
        ({"slug": ""}, 400, "Choose an address."),
        ({"slug": "ste11a"}, 409, "taken"),
        ({"slug": "admin"}, 409, "reserved"),
        ({"slug": "Har bour"}, 409, "lower-case"),
        ({"slug": "harb\u043eur"}, 409, "alphabets"),
        ({"slug": "x" * 65}, 400, "too long"),
        ({"title": " \u200b "}, 400, "There is nothing to read here."),
        ({"title": "x" * 81}, 400, "Use at most 80 characters."),
    ],
)
def test_what_cannot_be_opened_says_why_and_keeps_what_was_typed(
    people: People, typed: dict[str, str], code: int, says: str
) -> None:
    ada = people.admin("ada")
    people.account("vera")
    people.account("shut").disable()
    Channel.open("stella", "stella live", people.account("stella"))
    db.session.commit()
    before = everything(without=RECORD)
    status, page = open_channel(ada, **typed)
    assert status == code
    assert says in page
    for value in {"owner": "vera", "slug": "harbour", "title": "The harbour", **typed}.values():
        assert not value.strip(" \u200b") or value in page
    assert everything(without=RECORD) == before


@on_both_databases
def test_a_channel_moves_and_its_former_address_is_free(people: People) -> None:
    ada = people.admin("ada")
    Channel.open("harbour", "The harbour", people.account("vera"))
    db.session.commit()
    page = f"{LIST}/{at('harbour').id}"
    assert ada.post_form(f"{page}/rename", on=page, slug="quay").location == page
    assert at("quay").owner.username == "vera"
    assert people.visitor().get("/c/harbour").status_code == 404
    assert not names.is_taken("harbour")
    [event] = events("channel.renamed")
    assert event.details == {"before": "harbour", "after": "quay"}
    for slug, says in (("quay", "is at /c/quay already"), ("vera", ""), ("ada", "taken"), ("", "Type the address.")):
        answer = ada.post_form(f"{page}/rename", on=page, slug=slug)
        assert answer.status_code == (302 if slug == "vera" else 400 if not slug else 409), slug
        assert says in answer.text


@on_both_databases
def test_a_channel_is_shut_and_opened_again(people: People) -> None:
    ada, stella = people.admin("ada"), people.streamer("stella")
    page = f"{LIST}/{at('stella').id}"
    assert ada.post_form(f"{page}/disable", on=page).location == page
    assert stella.get("/c/stella").status_code == 404
    assert "Disabled" in ada.get(page).text
    assert "was shut already" in follow(ada, f"{page}/disable", page)
    assert ada.post_form(f"{page}/enable", on=page).location == page
    assert stella.get("/c/stella").status_code == 200
    assert "was open already" in follow(ada, f"{page}/enable", page)
    assert [event.event for event in events("channel.disabled", "channel.enabled")] == [
        "channel.disabled",
        "channel.enabled",
    ]
    kinds = db.session.scalars(db.select(Announcement.kind).order_by(Announcement.id.desc())).all()
    assert kinds[:2] == ["channel_changed"] * 2, "open browsers hear of both"


def follow(person: Person, path: str, page: str) -> str:
    """Send what the page may offer no more, and read the page it leads to."""
    assert person.post(path, on=page).status_code == 302
    return person.get(page).text


def test_what_its_owner_closed_for_good_stays_closed(people: People) -> None:
    ada = people.admin("ada")
    owner = people.account("stella")
    channel = Channel.open("stella", "stella live", owner)
    channel.close_for_good()
    owner.erase(channel_slug="stella")
    db.session.commit()
    page = f"{LIST}/{at('stella').id}"
    assert "closed for good" in ada.get(page).text
    for act in ("enable", "rename"):
        answer = ada.post(f"{page}/{act}", on=page, slug="quay")
        assert answer.status_code == 409
        assert "closed for good" in answer.text
    assert at("stella").disabled_at is not None


def test_shutting_a_channel_asks_for_the_password_again_after_a_while(people: People, clock: Clock) -> None:
    ada = people.admin("ada")
    Channel.open("harbour", "The harbour", people.account("vera"))
    db.session.commit()
    page = f"{LIST}/{at('harbour').id}"
    clock.offset_seconds = 360
    assert ada.post_form(f"{page}/disable", on=page).location.startswith("/account/confirm")
    assert at("harbour").disabled_at is None


def test_there_is_nothing_at_a_number_that_no_channel_has(people: People) -> None:
    ada = people.admin("ada")
    assert [ada.get(f"{LIST}/{number}").status_code for number in (999, 2**40)] == [404, 404]
