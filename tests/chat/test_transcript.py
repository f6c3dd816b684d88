"""A streamer downloads what was said: all that is still there, nothing that was removed, and no formula."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.auth.user import User
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.chat import erasure, transcript
from app.chat.line import UNVERIFIED
from app.chat.message import Message
from app.clock import Clock
from app.extensions import db
from tests.commands.conftest import say
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.statements import counted
from tests.tables import events, everything

SETTINGS, PAGE = "/c/stella/settings", "/c/stella/settings/transcript"
RECORD = ("audit_event", "audit_head")
EVIL = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1", "plain", 'a "quoted", cell', "two\nlines"]


@pytest.fixture
def stella(people: People) -> Person:
    return people.streamer("stella")


def the_channel() -> Channel:
    db.session.rollback()
    channel = Channel.at("stella")
    assert channel
    return channel


def owner_says(*texts: str) -> None:
    channel = the_channel()
    for text in texts:
        say(channel, channel.owner, text)


def download(person: Person, wanted: str) -> TestResponse:
    """Press the button for a format: it is a button's value, which no form fills in by itself."""
    return person.post(PAGE, on=SETTINGS, format=wanted)


@on_both_databases
def test_every_message_that_is_there_is_in_it_with_its_time_into_the_stream(
    stella: Person, people: People, clock: Clock
) -> None:
    vera = people.account("vera")
    owner_says("before the stream")
    stella.post_form(f"{SETTINGS}/live", on=SETTINGS, state="live")
    clock.offset_seconds = 3723
    channel = the_channel()
    reply = say(channel, db.session.get_one(User, vera.id), "Grüße 🦉")
    reply.reply_to, reply.kind = 1, "me"
    db.session.commit()
    owner_says("a slip")
    channel = the_channel()
    erasure.erase(channel, erasure.candidates(channel, up_to=3, most=1), channel.owner)
    db.session.commit()
    stella.sign_in("stella") if not stella.signed_in else None
    stella.post_form(f"{SETTINGS}/live", on=SETTINGS, state="over")
    clock.offset_seconds = 3800
    owner_says("after the stream")
    clock.offset_seconds = 0

    answer = download(stella, "jsonl")
    assert re.fullmatch(r'attachment; filename="stella-\d{4}-\d\d-\d\d\.jsonl"', answer.headers["Content-Disposition"])
    assert answer.headers["Cache-Control"] == "no-store"
    first, second, third = [json.loads(line) for line in answer.text.splitlines()]
    assert (first["id"], first["author"], first["text"], first["offset"]) == (1, "stella", "before the stream", None)
    assert (second["id"], second["author"], second["text"], second["reply_to"]) == (2, "vera", "Grüße 🦉", 1)
    assert second["kind"] == "me" and re.fullmatch(r"t\+01:02:0[23]", second["offset"])
    assert (third["id"], third["offset"]) == (4, None), "what was removed is not there, nor its number"
    rows = list(csv.DictReader(io.StringIO(download(stella, "csv").text, newline="")))
    assert [row["text"] for row in rows] == ["before the stream", "Grüße 🦉", "after the stream"]
    assert [row["offset"] for row in rows] == ["", second["offset"], ""]
    lines = download(stella, "txt").text.splitlines()
    assert lines[0].endswith("<stella> before the stream")
    assert second["offset"] in lines[1] and lines[1].endswith("* vera Grüße 🦉")
    assert [event.details for event in events("channel.exported")] == [
        {"format": wanted, "messages": 3, "channel": "stella"} for wanted in ("jsonl", "csv", "txt")
    ]


def test_no_cell_is_a_formula_and_no_line_passes_for_another(stella: Person) -> None:
    owner_says(*EVIL)
    rows = list(csv.DictReader(io.StringIO(download(stella, "csv").text, newline="")))
    assert [row["text"].removeprefix("'") for row in rows] == EVIL
    assert [row["text"].startswith("'") for row in rows] == [True] * 7 + [False] * 3
    assert not any(cell and cell[0] in "=+-@\t\r" for row in rows for cell in row.values())
    assert [line for line in download(stella, "txt").text.split("\n") if line.startswith("lines")] == []
    assert len(download(stella, "jsonl").text.strip().split("\n")) == len(EVIL)


def test_what_cannot_be_verified_is_named_and_stops_nothing(stella: Person) -> None:
    owner_says("one", "two")
    db.session.execute(update(Message).where(Message.id == 1).values(body=b"nonsense"))
    db.session.commit()
    first, second = [json.loads(line) for line in download(stella, "jsonl").text.splitlines()]
    assert (first["text"], first["unverified"]) == (UNVERIFIED, True)
    assert second["text"] == "two" and "unverified" not in second


def test_it_is_read_page_by_page_and_holds_only_one(stella: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    owner_says(*map(str, range(7)))
    monkeypatch.setattr(transcript, "PAGE", 3)
    with counted() as statements:
        found = transcript.lines(the_channel().id)
        assert next(found).text == "0"
        begun = len(statements)
        assert [line.text for line in found] == ["1", "2", "3", "4", "5", "6"]
    assert len(statements) > begun, "all of it was read at once"


def test_the_password_is_asked_for_and_a_guess_at_the_format_is_not_taken(stella: Person, clock: Clock) -> None:
    assert download(stella, "exe").status_code == download(stella, "").status_code == 400
    clock.offset_seconds = 301
    owner_says("secret")
    answer = download(stella, "csv")
    assert answer.status_code == 302 and answer.location.startswith("/account/confirm")
    assert events("channel.exported") == []
    stella.post_form("/account/confirm", password=PASSWORD)
    assert "secret" in download(stella, "csv").text


@pytest.mark.parametrize("role", ["visitor", "viewer", "member", "moderator", "admin", "another streamer"])
def test_nobody_but_the_streamer_gets_it(stella: Person, people: People, role: str) -> None:
    owner_says("secret")
    person = {"visitor": people.visitor, "admin": people.admin}.get(role, lambda: people.viewer("vera"))()
    if role in ("member", "moderator"):
        vera = User.named("vera")
        assert vera
        db.session.add(Membership(channel_id=the_channel().id, account_id=vera.id, role=role))
    if role == "another streamer":
        vera = User.named("vera")
        assert vera
        Channel.open("lounge", "The lounge", vera)
    db.session.commit()
    before = everything(without=RECORD)
    answer = person.post(PAGE, on="/login" if role == "visitor" else "/", format="csv")
    assert answer.status_code == (302 if role == "visitor" else 403)
    assert "secret" not in answer.text
    assert everything(without=RECORD) == before
    assert events("channel.exported") == []
    if role == "admin":
        assert PAGE not in person.get(SETTINGS).text and PAGE in stella.get(SETTINGS).text


@pytest.mark.settings(RATELIMIT_EXPORTS="2 per hour")
def test_downloads_are_limited(stella: Person, app: Flask) -> None:
    assert [download(stella, "txt").status_code for _ in range(3)] == [200, 200, 429]
