"""Commands as an operator types them: on the app of this test, or on a machine where nothing is set up yet."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from app import create_app
from app.auth.user import User
from app.channels.channel import Channel
from app.chat.message import Message, seal_body
from app.clock import now
from app.encryption.data_key import data_keys
from app.extensions import db
from config import Settings

RunFlask = Callable[..., Result]


def invoke(app: Flask, *arguments: str, stdin: str | None = None, code: int = 0) -> Result:
    """Run ``flask ARGUMENTS``; it must exit with ``code``, and never with a traceback."""
    result = app.test_cli_runner().invoke(args=arguments, input=stdin)
    said = f"flask {' '.join(arguments)} exited with {result.exit_code}:\n{result.output}"
    assert result.exception is None or isinstance(result.exception, SystemExit), said + repr(result.exception)
    assert result.exit_code == code, said
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def flask(app: Flask) -> RunFlask:
    """Runs a command on ``app``: ``flask("users", "list", code=0)``."""
    return lambda *arguments, **options: invoke(app, *arguments, **options)


class Machine:
    """A machine with an environment of its own. Each command starts from nothing but that, as a process would."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
        self.env_file = folder / ".env"
        self.database = folder / "instance" / "streamzy.db"
        self.monkeypatch = monkeypatch
        self.set(
            ENV_FILE=str(self.env_file),
            DATABASE_URL=database_url or f"sqlite:///{self.database}",
            BCRYPT_ROUNDS="4",
            SECRET_KEY=None,
            ENCRYPTION_KEY=None,
        )

    def set(self, **environment: str | None) -> None:
        """Change the environment; None removes."""
        for name, value in environment.items():
            if value is None:
                self.monkeypatch.delenv(name, raising=False)
            else:
                self.monkeypatch.setenv(name, value)

    def flask(self, *arguments: str, stdin: str | None = None, code: int = 0) -> Result:
        """Run a command in a fresh app."""
        app = create_app(Settings.from_environment())
        try:
            return invoke(app, *arguments, stdin=stdin, code=code)
        finally:
            with app.app_context():
                db.engine.dispose()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Machine:
    """A machine on which nothing was set up; with PostgreSQL where the test asks for ``on_both_databases``."""
    url = ""
    if hasattr(request.node, "callspec") and request.node.callspec.params.get("database") == "postgresql":
        url = request.getfixturevalue("postgres").create_database()
    previous = os.umask(0o022)
    request.addfinalizer(lambda: os.umask(previous))
    return Machine(tmp_path, monkeypatch, url)


def say(channel: Channel, author: User, text: str) -> Message:
    """Store one message, as the writer does."""
    random_id = secrets.token_bytes(16)
    key_id, key = data_keys().for_messages(channel.id, now())
    channel.last_message_id += 1
    message = Message(
        channel_id=channel.id,
        id=channel.last_message_id,
        random_id=random_id,
        author_id=author.id,
        nonce=random_id.hex(),
        body=seal_body(key, channel.last_message_id, random_id, channel.id, author.id, text),
        data_key_id=key_id,
        sent_at=now(),
    )
    db.session.add(message)
    db.session.commit()
    return message
