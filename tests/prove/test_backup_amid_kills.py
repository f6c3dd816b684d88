"""A backup made while the server is killed again and again comes back, and holds all that was acknowledged before."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.backup import postgres_dump, sqlite_copy
from app.channels.channel import Channel
from app.chat import history
from app.extensions import db
from config import Settings
from tests.backup.conftest import POSTGRES_PROGRAMS
from tests.commands.conftest import invoke
from tests.people import People
from tests.postgres import on_both_databases
from tests.prove.test_kill_9 import CHANNEL, PASSWORD, Chatter, sending
from tests.prove.test_rotation_beside_chat import env_file
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

QUICK = bool(os.environ.get("QUICK"))
ROUNDS, KILLS = (1, 1) if QUICK else (6, 3)
CAST = ("ada", "boris", "chidi")
WORDS_FIRST = 10  # acknowledged lines of each, before the backup begins

pytestmark = pytest.mark.prove


@contextmanager
def machine(server: StreamzyServer, database_url: str) -> Iterator[Flask]:
    """Commands as typed on a machine with the keys of ``server`` and this database."""
    app = create_app(
        Settings.from_environment({**env_file(server), **server.environment, "DATABASE_URL": database_url})
    )
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


class Storm(Thread):
    """Kills the server the moment a copy begins, or a little later, and again and again while people go on."""

    def __init__(self, server: StreamzyServer, chatters: list[Chatter]) -> None:
        super().__init__()
        self.server, self.chatters, self.copying = server, chatters, Event()
        self.first_kill, self.failed = 0.0, True

    def run(self) -> None:
        """Leave the server running, and everybody's lines acknowledged."""
        chance = random.Random()
        assert self.copying.wait(30)
        time.sleep(chance.uniform(0, 0.1))
        self.first_kill = time.monotonic()
        self.server.kill9()
        for _ in range(KILLS - 1):
            self.server.start()
            with sending(self.chatters):
                time.sleep(chance.uniform(0.1, 0.5))
                self.server.kill9()
        self.server.start()
        for chatter in self.chatters:
            chatter.retry()
            chatter.visitor.close_sockets()
        self.failed = False


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> Callable[[Event], None]:
    """Has an event set when the next copy begins, which then takes a second."""
    monkeypatch.setenv("PATH", f"{POSTGRES_PROGRAMS}:{os.environ['PATH']}")
    monkeypatch.setattr(sqlite_copy, "STEP", 4)
    monkeypatch.setattr(sqlite_copy, "BREATH_SECONDS", 0.01)

    def announce(begun: Event) -> None:
        for module in (sqlite_copy, postgres_dump):

            def take(*arguments: Any, wrapped: Any = module.take) -> Any:
                begun.set()
                return wrapped(*arguments)

            monkeypatch.setattr(module, "take", take)

    return announce


def stored(app: Flask) -> dict[str, int]:
    """Every line of the channel, with its number."""
    channel = Channel.at(CHANNEL)
    assert channel
    lines, _ = history.after(channel, 0, 1_000_000)
    assert [line["id"] for line in lines] == list(range(1, len(lines) + 1)), "ids are not dense and in order"
    return {line["text"]: line["id"] for line in lines}


@on_both_databases
def test_a_backup_amid_kills_holds_all_that_was_acknowledged_before_it_began(
    tmp_path: Path, database_url: str, request: pytest.FixtureRequest, copying: Callable[[Event], None]
) -> None:
    server_folder = tmp_path / "server"
    server_folder.mkdir()
    with StreamzyServer(server_folder, DATABASE_URL=database_url, RATELIMIT_MESSAGES="1000000 per minute") as server:
        with machine(server, database_url) as app:
            Channel.open(CHANNEL, "Lighthouse", People(app).account("keeper"))
            db.session.commit()
        chatters = [Chatter(name, Visitor(server.url).register(name, PASSWORD)) for name in CAST]
        for number in range(ROUNDS):
            backup = tmp_path / f"backup-{number}"
            with machine(server, database_url) as here:
                storm = Storm(server, chatters)
                copying(storm.copying)
                with sending(chatters):
                    enough = {chatter.name: len(chatter.acknowledged) + WORDS_FIRST for chatter in chatters}
                    while any(len(chatter.acknowledged) < enough[chatter.name] for chatter in chatters):
                        time.sleep(0.01)
                    acknowledged = {text: n for chatter in chatters for text, n in dict(chatter.acknowledged).items()}
                    storm.start()
                    invoke(here, "backup", str(backup))
                    ended = time.monotonic()
                storm.join(120)
                assert not storm.failed
                assert storm.first_kill < ended, "the backup was over before anything was killed"
                assert "It would come back whole" in invoke(here, "restore", str(backup), "--check").stdout
            restored = restore(server, backup, request)
            lost = {text for text, n in acknowledged.items() if restored.get(text) != n}
            assert not lost, (
                f"{len(lost)} lines acknowledged before the backup are not in it, such as {sorted(lost)[:5]}"
            )
            assert set(restored) <= {text for chatter in chatters for text in chatter.sent}


def restore(server: StreamzyServer, backup: Path, request: pytest.FixtureRequest) -> dict[str, int]:
    """Bring ``backup`` back on another machine, have everything verified there, and read it."""
    url = f"sqlite:///{backup}.db"
    postgres = None
    if not server.environment["DATABASE_URL"].startswith("sqlite"):
        postgres = request.getfixturevalue("postgres")
        url = postgres.create_database()
    with machine(server, url) as there:
        invoke(there, "restore", str(backup))
        db.session.remove()
        assert "can be read" in invoke(there, "keys", "verify").stdout
        assert "The audit log holds" in invoke(there, "audit", "verify").stdout
        found = stored(there)
    if postgres:
        postgres.drop_database(url)
    return found
