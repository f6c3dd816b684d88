"""The drills of docs/backup.md, played command by command as they stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.audit.actor import Actor
from app.channels.channel import Channel
from app.chat import channel_deletion
from app.chat.history import newest
from app.extensions import db
from config import ROOT, Settings
from tests.backup.conftest import Chat
from tests.commands.conftest import RunFlask, invoke
from tests.postgres import on_postgresql_in_prove_too

HERE, ELSEWHERE = "On the machine that runs", "On another machine"


def commands(drill: int) -> list[tuple[str, list[str], int]]:
    """The commands of a drill: on which machine, what is typed after `streamzy`, and the exit code it ends with."""
    text = (ROOT / "docs" / "backup.md").read_text().split(f"## Drill {drill}:")[1].split("\n## ")[0]
    found, machine = [], ""
    for line in text.splitlines():
        if line.startswith("### "):
            machine = line.removeprefix("### ")
        elif typed := re.fullmatch(r"\s+streamzy ([^#]+?)(?:\s+# ends with (\d))?", line):
            found.append((machine, typed[1].split(), int(typed[2] or 0)))
    return found


@pytest.fixture
def another_machine(
    request: pytest.FixtureRequest, database_url: str, environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., object]]:
    """Runs commands on a machine with the same keys and an empty database."""
    if database_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'another.db'}"
    else:
        url = request.getfixturevalue("postgres").create_database()

    def run(*arguments: str, code: int = 0) -> Flask:
        app = create_app(Settings.from_environment({**environment, "DATABASE_URL": url}))
        with app.app_context():  # a command takes the app whose context it finds
            invoke(app, *arguments, code=code)
            db.engine.dispose()
        return app

    yield run
    if not url.startswith("sqlite"):
        request.getfixturevalue("postgres").drop_database(url)


def play(drill: int, folder: Path, machines: dict[str, Callable[..., object]]) -> None:
    """Type every command of a drill where it is to be typed."""
    steps = commands(drill)
    assert len(steps) >= 6
    for machine, typed, code in steps:
        arguments = [word.replace("/backups", str(folder)) for word in typed]
        # In a test's process nobody starts anew between two commands.
        db.session.remove()
        machines[machine](*arguments, code=code)


@on_postgresql_in_prove_too
def test_the_machine_is_gone_and_another_one_takes_its_place(
    chat: Chat, flask: RunFlask, another_machine: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "no.env"))
    play(1, tmp_path, {HERE: flask, ELSEWHERE: another_machine})
    there = another_machine("channels", "list")
    with there.app_context():
        lounge = Channel.at("lounge")
        assert lounge and [message["text"] for message in newest(lounge)[0]] == ["good evening"]
        db.session.remove()
        db.engine.dispose()


@on_postgresql_in_prove_too
def test_yesterday_comes_back_but_for_what_was_deleted_for_good(chat: Chat, flask: RunFlask, tmp_path: Path) -> None:
    flask("backup", str(tmp_path / "yesterday"))
    harbour = Channel.at("harbour")
    assert harbour
    channel_deletion.begin(harbour, Actor("stella"))
    db.session.commit()
    channel_deletion.finish()
    chat.say("lounge", "said today")
    play(2, tmp_path, {HERE: flask})
    assert Channel.at("harbour") is None
    assert chat.texts("lounge") == ["good evening"]
    flask("restore", str(tmp_path / "before-going-back"), "--force")
    assert chat.texts("lounge") == ["good evening", "said today"]
