"""The list of accounts: who sees it, how it is searched, and that it costs the same however long it is."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask

from app.auth import lockout
from app.auth.user import User
from app.channels.channel import Channel
from app.extensions import db
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.statements import counted
from tests.tables import events

NAME = re.compile(r'<a href="/admin/users/\d+"><bdi>([^<]+)</bdi></a>')


def names(person: Person, query: str = "") -> list[str]:
    """The names on the list, in order."""
    answer = person.get(f"/admin/users{query}")
    assert answer.status_code == 200
    return [html.unescape(name) for name in NAME.findall(answer.text)]


@pytest.mark.parametrize("role", ["visitor", "viewer", "streamer"])
def test_only_admins_see_the_list(people: People, role: str) -> None:
    assert getattr(people, role)().get("/admin/users").status_code == (302 if role == "visitor" else 403)


@on_both_databases
def test_accounts_are_found_by_a_part_of_their_name_or_of_their_channel(people: People) -> None:
    ada = people.admin("ada")
    Channel.open("wetter", "Weather", people.account("Vera"))
    people.account("bert_1")
    people.account("bertx1")
    assert names(ada) == ["ada", "bert_1", "bertx1", "Vera"]
    assert names(ada, "?name=ER") == ["bert_1", "bertx1", "Vera"]
    assert names(ada, "?name=bert_") == ["bert_1"], "no pattern, but what was typed"
    assert names(ada, "?name=wett") == ["Vera"]
    assert names(ada, "?name=%00") == ["ada", "bert_1", "bertx1", "Vera"]
    assert names(ada, "?name=nobody") == []
    assert "Nobody like that" in ada.get("/admin/users?name=nobody").text
    assert 'value="ER"' in ada.get("/admin/users?name=ER").text


@on_both_databases
@pytest.mark.settings(LOCKOUT_FAILURES="1")
def test_accounts_are_filtered_by_role_and_state(people: People) -> None:
    ada = people.admin("ada")
    people.streamer("stella")
    for name in ("vera", "shut", "gone"):
        people.account(name)
    lockout.take_a_try(found("vera").id)
    db.session.commit()
    found("shut").disable()
    db.session.commit()
    found("gone").erase(channel_slug=None)
    db.session.commit()
    assert names(ada, "?role=streamer") == ["stella"]
    assert names(ada, "?state=locked") == ["vera"]
    assert names(ada, "?state=disabled") == ["shut"]
    assert names(ada, "?state=active") == ["ada", "stella"]
    assert names(ada, "?state=active&role=admin") == ["ada"]
    assert "gone" not in str(names(ada))
    [deleted] = names(ada, "?state=deleted")
    assert deleted.startswith("deleted account ")


@pytest.mark.parametrize("query", ["?role=god", "?state=dead", "?page=x", "?page=-1"])
def test_a_filter_that_makes_no_sense_finds_nothing(people: People, query: str) -> None:
    assert people.admin().get(f"/admin/users{query}").status_code == 404


@on_both_databases
def test_fifty_on_a_page_for_the_price_of_one(people: People, app: Flask) -> None:
    ada = people.admin("ada")
    with counted() as few:
        names(ada)
    for number in range(120):
        user = User.create(f"person-{number:03}", None)
        if number % 3 == 0:
            Channel.open(f"channel-{number:03}", "A channel", user)
    db.session.commit()
    with counted() as many:
        first = names(ada)
    assert len(few) == len(many)
    assert len(first) == 50
    pages = [names(ada, f"?page={number}") for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [50, 50, 21, 0]
    assert len({name for page in pages for name in page}) == 121
    assert "Page 2 of 3" in ada.get("/admin/users?page=2").text
    assert 'href="/admin/users?role=streamer&amp;page=' not in ada.get("/admin/users?role=streamer").text, "40 fit"


def test_a_locked_admin_stands_on_the_overview_with_the_way_there(people: People) -> None:
    ada = people.admin("ada")
    bea = people.account("bea", role="admin")
    for _ in range(5):
        lockout.take_a_try(bea.id)
    db.session.commit()
    page = ada.get("/admin/").text
    assert "bea is locked" in page
    assert f'href="/admin/users/{bea.id}"' in page


@on_both_databases
def test_one_account_on_one_screen(people: People) -> None:
    ada = people.admin("ada")
    people.streamer("stella", address="192.0.2.77")
    page = ada.get(f"/admin/users/{found('stella').id}").text
    for words in ("stella", "/c/stella", "Firefox on Linux", "192.0.2.0/24", "Signed in", "Streamer"):
        assert words in page
    assert "192.0.2.77" not in page
    assert "$2b$" not in page
    [viewed] = events("account.viewed")
    assert (viewed.actor_name, viewed.target_name) == ("ada", "stella")
    ada.get(f"/admin/users/{found('stella').id}")
    assert len(events("account.viewed")) == 1, "once a minute"
    assert ada.get("/admin/users/999").status_code == 404
    assert ada.get(f"/admin/users/{2**40}").status_code == 404


def found(name: str) -> User:
    """The account as it stands in the database now."""
    db.session.rollback()
    user = User.named(name)
    assert user
    return user
