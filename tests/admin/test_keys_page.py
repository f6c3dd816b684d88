"""The page about keys tells an admin what the command line tells an operator, and shows no key."""

from __future__ import annotations

import re

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import update

from app.auth.user import User
from app.channels.channel import Channel
from app.chat.message import Message
from app.encryption import key_work
from app.encryption.data_key import DataKeys
from app.encryption.key_work import KeyWork
from app.encryption.keyring import KeyRing, key_id_of
from app.extensions import db
from tests.commands.conftest import invoke, say
from tests.people import People
from tests.postgres import on_both_databases

PAGE = "/admin/security"


@pytest.fixture
def harbour(people: People) -> Channel:
    """A channel with two messages."""
    channel = Channel.open("harbour", "Harbour", people.account("stella"))
    for text in ("ahoy", "land"):
        say(channel, db.session.get_one(User, channel.owner_id), text)
    return channel


def cells(page: str, key_id: str | None) -> list[str]:
    """What the table says of one key."""
    row = re.search(rf'<tr data-key-id="{key_id}">(.*?)</tr>', page, re.DOTALL)
    assert row, f"{key_id} is not in the table"
    stripped = (re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row[1], re.DOTALL))
    return [" ".join(cell.split()) for cell in stripped]


@pytest.mark.parametrize("role", ["visitor", "viewer", "streamer"])
def test_keys_are_the_admins_business(people: People, role: str) -> None:
    person = getattr(people, role)()
    assert person.get(PAGE).status_code == (302 if role == "visitor" else 403)


@on_both_databases
def test_the_table_says_what_is_under_each_key_and_which_may_be_dropped(
    app: Flask, people: People, keys: dict[str, str], harbour: Channel
) -> None:
    admin, old, new = people.admin(), keys["ENCRYPTION_KEY"], Fernet.generate_key().decode()
    before = cells(admin.get(PAGE).text, key_id_of(old))
    assert (before[1], before[3:5], before[6]) == ("Seals", ["1", "2"], "No")
    assert "second factors" in before[5]
    app.extensions["data_keys"] = DataKeys(KeyRing((new, old)))
    invoke(app, "keys", "rotate")
    page = admin.get(PAGE).text
    after = cells(page, key_id_of(old))
    assert (after[1], after[3:7]) == ("Opens only", ["0", "0", "none", "Yes"])
    assert cells(page, key_id_of(new))[4] == "2"
    assert "data keys wrapped under the newest one" in page
    assert old not in page and new not in page


def test_a_key_that_is_missing_and_needed_is_named(
    app: Flask, people: People, keys: dict[str, str], harbour: Channel
) -> None:
    admin, missing = people.admin(), str(key_id_of(keys["ENCRYPTION_KEY"]))
    assert "ENCRYPTION_KEY lacks" not in admin.get(PAGE).text
    app.extensions["data_keys"].ring = KeyRing((Fernet.generate_key().decode(),))
    page = admin.get(PAGE).text
    assert f"ENCRYPTION_KEY lacks {missing}" in page and cells(page, missing)[1] == "Missing"


def test_a_rotation_under_way_says_how_far_it_is_and_how_long_it_takes(app: Flask, people: People) -> None:
    admin = people.admin()
    assert "No rotation of messages is under way" in admin.get(PAGE).text
    work = KeyWork.begin(key_work.MESSAGES, 12_000)
    work.note(3_000, 50.0)
    db.session.commit()
    page = admin.get(PAGE).text
    assert "3,000 of 12,000" in page and "50 a second, about 3 min left" in page and 'value="25"' in page
    work.finish()
    db.session.commit()
    page = admin.get(PAGE).text
    assert "<progress" not in page and "12,000 messages encrypted anew" in page


def test_the_last_verification_stands_there_good_or_bad(app: Flask, people: People, harbour: Channel) -> None:
    admin = people.admin()
    assert "Never" in admin.get(PAGE).text
    invoke(app, "keys", "verify")
    assert "all 2 messages can be read" in admin.get(PAGE).text
    db.session.execute(update(Message).where(Message.id == 1).values(body=b"changed"))
    db.session.commit()
    invoke(app, "keys", "verify", code=1)
    assert "1 of 2 cannot be verified" in admin.get(PAGE).text
