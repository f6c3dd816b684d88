"""What breaks in the middle of a conversation over two workers: whatever it is, nothing is lost, doubled or reordered.

People go on as browsers do: who loses the line comes back, joins after the last line seen, and sends again, with its
nonce, what was never acknowledged.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread

import psycopg
import pytest
from socketio.exceptions import SocketIOError

from tests.chat.backstage import Backstage
from tests.chat_socket import ChatSocket
from tests.postgres import PrivatePostgres
from tests.private_redis import PrivateRedis
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor
from tests.workers.two_workers import TwoWorkers

QUICK = bool(os.environ.get("QUICK"))
ROUNDS = 1 if QUICK else 5
PEOPLE = 6
BEFORE, AFTER = 1.0, 2.0  # seconds of conversation around each fault
STOPPED = 3.0 if QUICK else 30.0
pytestmark = [pytest.mark.prove, pytest.mark.postgres]


@dataclass
class Talker:
    """Somebody who writes one line after the other, reads everything, and does not give up."""

    visitor: Visitor
    channel: str
    done: Event
    acknowledged: dict[str, int] = field(default_factory=dict)
    seen: list[tuple[int, str]] = field(default_factory=list)
    lines: int = 0
    losses: int = 0

    def run(self) -> None:
        """Talk until ``done``, and until the last line is acknowledged."""
        waiting = ""
        while not self.done.is_set() or waiting:
            socket = None
            with suppress(SocketIOError, AssertionError, OSError):
                socket = self.visitor.socket()
                self.join(socket)
                while not self.done.is_set() or waiting:
                    if not waiting:
                        waiting = f"{self.visitor.name}-{self.lines}"
                        self.lines += 1
                    answer = socket.call("send", {"channel": self.channel, "text": waiting, "nonce": waiting}, 5)
                    if not answer["ok"]:
                        assert answer["error"]["code"] == "unavailable", answer
                        time.sleep(0.1)
                        continue
                    self.acknowledged[waiting], waiting = answer["id"], ""
            self.losses += 1
            if socket is not None:
                self.collect(socket)
                self.visitor.sockets.remove(socket)
                socket.close()
            time.sleep(0.05)

    def join(self, socket: ChatSocket) -> None:
        """Read on after the last line seen."""
        while True:
            answer = socket.join(self.channel, after=self.seen[-1][0] if self.seen else 0)
            self.seen += [(message["id"], message["text"]) for message in answer["messages"]]
            if not answer.get("gap"):
                return

    def collect(self, socket: ChatSocket) -> None:
        """Remember what was heard live."""
        self.seen += [(message["id"], message["text"]) for message in socket.received("message")]


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory, postgres: PrivatePostgres, migrated_postgres: str
) -> Iterator[tuple[TwoWorkers, PrivatePostgres]]:
    """Two workers that take as many lines as anybody sends."""
    url = postgres.create_database(template=migrated_postgres)
    settings = {"DATABASE_URL": url, "WORKERS": "2", "RATELIMIT_MESSAGES": "1000000 per minute"}
    folder = tmp_path_factory.mktemp("faults")
    with PrivateRedis() as redis, StreamzyServer(folder, REDIS_URL=redis.url, **settings) as server:
        backstage = Backstage(server)
        yield TwoWorkers(server, redis, backstage), postgres
        backstage.close()


def two_live(two: TwoWorkers) -> None:
    """Wait until two workers serve."""
    deadline = time.monotonic() + 30
    while len(two.workers()) < 2 or not two.server.is_ready():
        assert time.monotonic() < deadline, two.server.log[-3000:]
        time.sleep(0.1)


def kill_one(two: TwoWorkers, _postgres: PrivatePostgres) -> None:
    """One worker dies; gunicorn starts another."""
    os.kill(two.workers()[0].pid, signal.SIGKILL)
    two_live(two)


def kill_all(two: TwoWorkers, _postgres: PrivatePostgres) -> None:
    """Everything dies, and is started again."""
    two.server.kill9()
    two.server.start()
    two_live(two)


def roll(two: TwoWorkers, _postgres: PrivatePostgres) -> None:
    """One worker after the other is asked to end, and another takes its place."""
    for worker in two.workers():
        worker.terminate()
        worker.wait(10)
        two_live(two)
        time.sleep(1)


def stop_one(two: TwoWorkers, _postgres: PrivatePostgres) -> None:
    """One worker stands still, as on a machine that swaps, and goes on."""
    worker = two.workers()[0]
    worker.suspend()
    time.sleep(STOPPED)
    worker.resume()


def redis_away(two: TwoWorkers, _postgres: PrivatePostgres) -> None:
    """Redis dies, and comes back empty."""
    two.redis.kill9()
    time.sleep(STOPPED)
    two.redis.start()


def kill_backends(two: TwoWorkers, postgres: PrivatePostgres) -> None:
    """PostgreSQL ends every connection of ours, in the middle of whatever they do."""
    with psycopg.connect(postgres.server.get_uri(), autocommit=True) as connection:
        for _ in range(10):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname LIKE 'streamzy%'"
            )
            time.sleep(0.2)


FAULTS: dict[str, Callable[[TwoWorkers, PrivatePostgres], None]] = {
    "kill -9 of one worker": kill_one,
    "kill -9 of everything": kill_all,
    "a rolling restart": roll,
    "SIGSTOP of one worker": stop_one,
    "Redis stopped and back": redis_away,
    "every database connection ended": kill_backends,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_doubled_or_reordered(fault: str, stage: tuple[TwoWorkers, PrivatePostgres]) -> None:
    two, postgres = stage
    for _ in range(ROUNDS):
        two_live(two)
        channel, done = two.channel(), Event()
        talkers = [Talker(two.viewer(f"talker-{number}"), channel, done) for number in range(PEOPLE)]
        threads = [Thread(target=talker.run) for talker in talkers]
        for thread in threads:
            thread.start()
        time.sleep(BEFORE)
        FAULTS[fault](two, postgres)
        time.sleep(AFTER)
        done.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "somebody never got their last line acknowledged"
        check(talkers)


def check(talkers: list[Talker]) -> None:
    """What stands there is what was acknowledged, once each; and what each saw is that, in order, from the first."""
    reader = Talker(talkers[0].visitor, talkers[0].channel, Event())
    reader.join(reader.visitor.socket())
    stored = {text: number for number, text in reader.seen}
    assert [number for number, _ in reader.seen] == list(range(1, len(stored) + 1)), "lost, doubled or out of order"
    acknowledged = {text: number for talker in talkers for text, number in talker.acknowledged.items()}
    assert acknowledged == stored
    assert len(stored) >= 2 * len(talkers), "hardly anything was said"
    for talker in talkers:
        assert talker.seen == reader.seen[: len(talker.seen)], "heard otherwise than it stands there"
        talker.visitor.leave()
