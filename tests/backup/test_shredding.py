"""What was shredded stays shut: also in yesterday's data file, as long as the key file is of today."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from app.account import leaving
from app.audit.actor import Actor
from app.auth.user import User
from app.channels.channel import Channel
from app.chat import channel_deletion, verification
from app.chat.line import UNVERIFIED
from app.chat.message import Message
from app.clock import Clock
from app.encryption.data_key import DataKey, data_keys
from app.encryption.sealed import unsealed_bytes
from app.extensions import db
from app.workers.duty import DUTIES, perform
from tests.backup.conftest import Chat
from tests.commands.conftest import RunFlask
from tests.postgres import on_postgresql_in_prove_too

GONE = "its data key is gone"


def every_key_there_is() -> list[int]:
    """Ids of all data keys that open anything."""
    return list(db.session.scalars(select(DataKey.id).where(DataKey.wrapped.is_not(None))))


def opened_by_any_key(slug: str) -> list[int]:
    """Which messages of a channel open under any data key of the database, whatever key their row names."""
    db.session.rollback()
    data_keys().forget()
    channel = Channel.at(slug)
    assert channel
    keys = [data_keys().fernet(key_id) for key_id in every_key_there_is()]
    messages = db.session.execute(select(Message.id, Message.body).where(Message.channel_id == channel.id)).all()
    assert messages, "this shows nothing"
    return [row.id for row in messages if any(unsealed_bytes(key, bytes(row.body)) for key in keys)]


@pytest.fixture
def yesterday(chat: Chat, flask: RunFlask, tmp_path: Path) -> str:
    """A backup from before anything was shredded."""
    flask("backup", str(tmp_path / "yesterday"))
    return str(tmp_path / "yesterday")


def restore_with_todays_keys(flask: RunFlask, yesterday: str, tmp_path: Path) -> str:
    """Make a backup now, and put yesterday's data in its place with the keys of now; what the command said."""
    flask("backup", str(tmp_path / "today"))
    return flask("restore", yesterday, "--keys", str(tmp_path / "today.keys"), "--force").stdout


@on_postgresql_in_prove_too
def test_a_deleted_channel_does_not_open_in_yesterdays_data_and_the_others_do(
    chat: Chat, flask: RunFlask, yesterday: str, tmp_path: Path
) -> None:
    channel = Channel.at("harbour")
    assert channel
    channel_deletion.begin(channel, Actor("stella"))
    db.session.commit()
    channel_deletion.finish()
    said = restore_with_todays_keys(flask, yesterday, tmp_path)
    assert "1 more were destroyed; 2 messages under them stay closed" in said
    assert chat.texts("harbour") == [UNVERIFIED, UNVERIFIED]
    assert opened_by_any_key("harbour") == []
    assert opened_by_any_key("lounge") == [1]
    assert chat.texts("lounge") == ["good evening"]
    problems = [problem for _, page in verification.pages() for problem in page]
    assert [(problem.channel, problem.problem) for problem in problems] == [("harbour", GONE)] * 2


@on_postgresql_in_prove_too
def test_a_month_that_went_by_age_does_not_open_in_yesterdays_data_and_later_months_do(
    chat: Chat, flask: RunFlask, tmp_path: Path, clock: Clock
) -> None:
    clock.offset_seconds = -70 * 86400
    chat.open("pier", "two months ago")
    clock.offset_seconds = 0
    chat.say("pier", "today")
    channel = Channel.at("pier")
    assert channel
    channel.retention_days = 30
    db.session.commit()
    flask("backup", str(tmp_path / "yesterday"))
    assert perform(DUTIES["message_retention"])
    assert chat.texts("pier") == ["today"]
    restore_with_todays_keys(flask, str(tmp_path / "yesterday"), tmp_path)
    assert chat.texts("pier") == [UNVERIFIED, "today"]
    assert opened_by_any_key("pier") == [2]
    assert chat.texts("harbour") == ["ahoy", "land in sight"]


@on_postgresql_in_prove_too
def test_a_month_that_went_with_its_authors_account_does_not_open_in_yesterdays_data(
    chat: Chat, flask: RunFlask, yesterday: str, tmp_path: Path
) -> None:
    author = User.named("harbour-owner")
    assert author
    leaving.leave(author, delete_messages=True)
    restore_with_todays_keys(flask, yesterday, tmp_path)
    assert opened_by_any_key("harbour") == []
    assert opened_by_any_key("lounge") == [1]


@on_postgresql_in_prove_too
def test_an_older_key_file_still_opens_it_which_is_why_few_are_kept(
    chat: Chat, flask: RunFlask, yesterday: str
) -> None:
    channel = Channel.at("harbour")
    assert channel
    channel_deletion.begin(channel, Actor("stella"))
    db.session.commit()
    channel_deletion.finish()
    flask("restore", yesterday, "--force")
    assert chat.texts("harbour") == ["ahoy", "land in sight"]
