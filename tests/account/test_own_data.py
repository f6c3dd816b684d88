"""Taking one's own data along: all of it, nobody else's, and only with the password."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from app.auth.user import User
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.sanction import Sanction
from app.chat import authorship
from app.clock import Clock, now
from app.extensions import db
from tests.commands.conftest import say
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import events


def download(person: Person) -> dict[str, Any]:
    """Press the button, and read the file."""
    answer = person.post_form("/account/data/download", on="/account/data")
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = json.loads(answer.text)
    return found


def named(name: str) -> User:
    """The account as it stands in the database now."""
    db.session.rollback()
    user = User.named(name)
    assert user
    return user


@on_both_databases
def test_everything_of_mine_is_in_the_file(people: People) -> None:
    people.streamer("stella")
    vera = people.viewer("vera", address="192.0.2.77")
    channel = Channel.at("stella")
    assert channel
    member = named("vera").id
    db.session.add(Membership(channel_id=channel.id, account_id=member))
    db.session.commit()
    say(channel, named("vera"), 'Grüße, "quoted" \u2603')
    say(channel, named("stella"), "what stella said")
    say(channel, named("vera"), "and this")
    fields = {
        "email": "vera@example.org",
        "channel_name": "Vera's corner",
        "slug": "corner",
        "about": "I repair radios.",
        "links": "https://example.org/vera",
        "agree": "y",
    }
    assert vera.post_form("/apply", **fields).status_code == 200
    data = download(vera)
    assert data["account"]["username"] == "vera"
    assert data["memberships"] == [{"channel": "stella", "role": "member", "since": data["memberships"][0]["since"]}]
    assert [session["address"] for session in data["sessions"]] == ["192.0.2.77"]
    [application] = data["applications"]
    assert (application["email"], application["about"], application["links"]) == (
        "vera@example.org",
        "I repair radios.",
        ["https://example.org/vera"],
    )
    assert [message["text"] for message in data["messages"]] == ['Grüße, "quoted" \u2603', "and this"]
    assert "what stella said" not in json.dumps(data)
    assert "$2b$" not in json.dumps(data)
    assert [event.actor_name for event in events("account.exported")] == ["vera"]


@on_both_databases
def test_bans_and_timeouts_of_mine_are_in_it_with_their_reasons_and_nobody_elses(people: People) -> None:
    people.streamer("stella")
    vera = people.viewer("vera")
    people.account("otto")
    channel = Channel.at("stella")
    assert channel
    by, on, other = named("stella"), named("vera"), named("otto")
    Sanction.impose(channel.id, on, by, until=now() + timedelta(minutes=5), reason="caps")
    Sanction.impose(channel.id, on, by, until=None, reason="caps again")
    Sanction.impose(channel.id, other, by, until=None, reason="not vera's business")
    db.session.commit()
    held = download(vera)["sanctions"]
    assert [(each["channel"], each["kind"], each["reason"]) for each in held] == [
        ("stella", "timeout", "caps"),
        ("stella", "ban", "caps again"),
    ]
    assert held[0]["lifted_at"] and held[0]["until"] and not held[1]["lifted_at"] and not held[1]["until"]


def test_an_account_that_never_did_anything_gets_a_file_too(people: People) -> None:
    data = download(people.viewer("vera"))
    assert (data["messages"], data["applications"], data["channel"]) == ([], [], None)


def test_a_channel_of_ones_own_is_in_it(people: People) -> None:
    assert download(people.streamer("stella"))["channel"]["title"] == "stella live"


@on_both_databases
def test_more_messages_than_fit_on_a_page_come_whole_and_in_order(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorship, "PAGE", 7)
    vera = people.viewer("vera")
    Channel.open("lounge", "The lounge", people.account("keeper"))
    db.session.commit()
    channel = Channel.at("lounge")
    assert channel
    for number in range(30):
        say(channel, named("vera"), f"line {number}")
    assert [message["text"] for message in download(vera)["messages"]] == [f"line {number}" for number in range(30)]


def test_it_takes_the_password_again_after_a_while(people: People, clock: Clock) -> None:
    vera = people.viewer("vera")
    clock.offset_seconds = 6 * 60
    answer = vera.post_form("/account/data/download", on="/account/data")
    assert answer.status_code == 302
    assert str(answer.location).startswith("/account/confirm")
    assert not events("account.exported")
    vera.post_form("/account/confirm", password=PASSWORD)
    assert download(vera)["account"]["username"] == "vera"


@pytest.mark.settings(RATELIMIT_EXPORTS="2 per hour")
def test_it_has_a_limit(people: People) -> None:
    vera = people.viewer("vera")
    answers = [vera.post_form("/account/data/download", on="/account/data").status_code for _ in range(3)]
    assert answers == [200, 200, 429]


def test_a_visitor_has_no_data(people: People) -> None:
    assert str(people.visitor().get("/account/data").location).startswith("/login")
