"""Keys change while people chat: nobody notices, a kill in the middle harms nothing, and the old key may go."""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select

from app import create_app
from app.channels.channel import Channel
from app.chat.message import Message, seal_body
from app.clock import now
from app.encryption.data_key import DataKey, data_keys
from app.encryption.keyring import key_id_of
from app.extensions import db
from config import Settings
from tests.chat_socket import ChatSocket
from tests.operations.test_preflight import serve
from tests.people import People
from tests.postgres import on_both_databases
from tests.streamzy_server import BIN, ROOT, StreamzyServer
from tests.visitor import Visitor

QUICK = bool(os.environ.get("QUICK"))
CHANNELS, MESSAGES = (5, 10_000) if QUICK else (50, 100_000)
IDLE_SECONDS = 2 if QUICK else 10
CAST = ("ada", "boris", "chidi", "dana")
PASSWORD = "Leuchtturm-7-morgens"

pytestmark = pytest.mark.prove


class Chatter:
    """One person who says a line twenty times a second, and remembers how long each acknowledgement took."""

    def __init__(self, name: str, server: StreamzyServer) -> None:
        self.name, self.server, self.said = name, server, 0
        self.channel = f"channel-{CAST.index(name)}"
        self.visitor = Visitor(server.url).register(name, PASSWORD)
        self.refused: list[Any] = []

    def chat(self, until: Event, seconds: list[float]) -> None:
        """Send until told to stop."""
        socket: ChatSocket = self.visitor.socket()
        socket.join(self.channel)
        while not until.is_set():
            self.said += 1
            began = time.monotonic()
            answer = socket.send(self.channel, f"{self.name} says line {self.said}")
            seconds.append(time.monotonic() - began)
            if not answer["ok"]:
                self.refused.append(answer)
            until.wait(0.05)
        self.visitor.close_sockets()


@contextmanager
def chatting(cast: list[Chatter]) -> Iterator[list[float]]:
    """All of them chat meanwhile; yields what will hold the seconds of every send."""
    stop, seconds = Event(), list[float]()
    threads = [Thread(target=chatter.chat, args=(stop, seconds)) for chatter in cast]
    for thread in threads:
        thread.start()
    try:
        yield seconds
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def percentile_99(seconds: list[float]) -> float:
    """In milliseconds."""
    return statistics.quantiles(seconds, n=100)[98] * 1000


def env_file(server: StreamzyServer) -> dict[str, str]:
    """What ``flask setup`` wrote."""
    lines = Path(server.environment["ENV_FILE"]).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def use_keys(server: StreamzyServer, *keys: str) -> None:
    """Change ENCRYPTION_KEY in ``.env``, as an operator would."""
    path = Path(server.environment["ENV_FILE"])
    line = f"ENCRYPTION_KEY={','.join(keys)}"
    path.write_text(re.sub(r"^ENCRYPTION_KEY=.*$", line, path.read_text(), flags=re.MULTILINE))


@contextmanager
def looking_into(server: StreamzyServer) -> Iterator[Flask]:
    """An app on the same database and keys, as the command line has it."""
    app = create_app(Settings.from_environment({**env_file(server), **server.environment}))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def fill(app: Flask) -> None:
    """Channels with a past."""
    for number in range(CHANNELS):
        owner = People(app).account(f"keeper{number}")
        channel = Channel.open(f"channel-{number}", f"Channel {number}", owner)
        key_id, key = data_keys().for_messages(channel.id, now())
        db.session.execute(insert(Message), list(history(channel.id, owner.id, key_id, key)))
        channel.last_message_id = MESSAGES // CHANNELS
        db.session.commit()


def history(channel_id: int, author_id: int, key_id: int, key: Any) -> Iterator[dict[str, Any]]:
    for number in range(1, MESSAGES // CHANNELS + 1):
        random_id = os.urandom(16)
        yield {
            "channel_id": channel_id,
            "id": number,
            "random_id": random_id,
            "author_id": author_id,
            "nonce": random_id.hex(),
            "body": seal_body(key, number, random_id, channel_id, author_id, f"what was said as number {number}"),
            "data_key_id": key_id,
            "sent_at": now(),
        }


def start_rotation(server: StreamzyServer) -> subprocess.Popen[str]:
    """``flask keys rotate --messages``, in a process of its own."""
    command = [str(BIN / "flask"), "keys", "rotate", "--messages"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def under_new_keys(since: datetime) -> int:
    """How many messages are under data keys made since then."""
    joined = select(func.count()).select_from(Message).join(DataKey, DataKey.id == Message.data_key_id)
    count = db.session.scalar(joined.where(DataKey.created_at >= since)) or 0
    db.session.rollback()
    return count


@on_both_databases
def test_keys_change_beside_chat_and_a_kill_in_the_middle_harms_nothing(tmp_path: Path, database_url: str) -> None:
    with StreamzyServer(tmp_path, DATABASE_URL=database_url, RATELIMIT_MESSAGES="1000000 per minute") as server:
        old, new = env_file(server)["ENCRYPTION_KEY"], server.run_flask("keys", "generate").stdout.strip()
        with looking_into(server) as app:
            fill(app)
        cast = [Chatter(name, server) for name in CAST]
        with chatting(cast) as idle:
            time.sleep(IDLE_SECONDS)

        use_keys(server, new, old)
        said = server.run_flask("keys", "rotate", code=1).stderr
        assert "does not hold the newest key" in said, "the server was not restarted yet"
        server.restart()
        with chatting(cast) as beside:
            began = time.monotonic()
            assert "are now under" in server.run_flask("keys", "rotate").stdout
            master_seconds = time.monotonic() - began
            with looking_into(server):
                since, first = now(), start_rotation(server)
                while (done := under_new_keys(since)) < MESSAGES // 10:
                    assert first.poll() is None, "over before it could be killed: " + str(first.communicate()[0])
                first.send_signal(signal.SIGKILL)
                first.communicate()
            began, before = time.monotonic(), len(beside)
            second = start_rotation(server)
            output, _ = second.communicate(timeout=600)
            seconds, during = time.monotonic() - began, beside[before:]
        assert second.returncode == 0, output
        assert "Going on where it was interrupted" in output
        for chatter in cast:
            assert not chatter.refused, chatter.refused[:3]

        use_keys(server, new)
        server.restart()
        status = server.run_flask("keys", "status").stdout
        assert str(key_id_of(new)) in status and str(key_id_of(old)) not in status
        said_in_all = MESSAGES + sum(chatter.said for chatter in cast)
        assert f"All {said_in_all} messages can be read" in server.run_flask("keys", "verify").stdout
        page = cast[0].visitor.get(f"/c/{cast[0].channel}").text
        assert f"ada says line {cast[0].said}" in page and "could not be verified" not in page
    writes = next(line for line in output.splitlines() if " writes; " in line)
    if sys.__stdout__:
        sys.__stdout__.write(
            f"\n{database_url.partition(':')[0]}: {MESSAGES} messages in {CHANNELS} channels; master rotation "
            f"{master_seconds:.1f} s with its start; killed after {done}, the rest in {seconds:.1f} s; {len(beside)} "
            f"sends, none refused; 99 % within {percentile_99(idle):.0f} ms in peace and "
            f"{percentile_99(during):.0f} ms beside the rest; {writes}\n"
        )


def test_a_start_with_a_key_that_opens_nothing_ends_with_the_id_that_is_missing(tmp_path: Path) -> None:
    server = StreamzyServer(tmp_path)
    server.set_up()
    old, new = env_file(server)["ENCRYPTION_KEY"], server.run_flask("keys", "generate").stdout.strip()
    use_keys(server, new)
    done = serve(server.environment)
    assert done.returncode == 3
    line = next(line for line in done.stderr.splitlines() if line.startswith("ENCRYPTION_KEY"))
    assert f"the key with id {key_id_of(old)} is missing and still needed" in line
    assert "Traceback" not in done.stderr and new not in done.stderr
