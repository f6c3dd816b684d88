"""What breaks in the middle of a talk over two workers: whatever it is, nothing is lost, doubled or reordered."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.chat.backstage import Backstage
from tests.postgres import PrivatePostgres
from tests.private_redis import PrivateRedis
from tests.prove.talkers import PEOPLE, talk_through
from tests.streamzy_server import StreamzyServer
from tests.workers.two_workers import TwoWorkers

QUICK = bool(os.environ.get("QUICK"))
ROUNDS = 1 if QUICK else 5
STOPPED = 3.0 if QUICK else 30.0
DATABASE_STOPPED = 2.0 if QUICK else 10.0
pytestmark = [pytest.mark.prove, pytest.mark.postgres]


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory, postgres: PrivatePostgres, migrated_postgres: str
) -> Iterator[tuple[TwoWorkers, PrivatePostgres]]:
    """Two workers that take as many lines as anybody sends."""
    url = postgres.create_database(template=migrated_postgres)
    settings = {"DATABASE_URL": url, "WORKERS": "2", "RATELIMIT_MESSAGES": "1000000 per minute"}
    folder = tmp_path_factory.mktemp("faults")
    with PrivateRedis() as redis, StreamzyServer(folder, REDIS_URL=redis.url, **settings) as server:
        two = TwoWorkers(server, redis, Backstage(server))
        yield two, postgres
        two.close()


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


def stop_postgres(_two: TwoWorkers, postgres: PrivatePostgres) -> None:
    """PostgreSQL ends, as for an upgrade, and comes back."""
    postgres.stop()
    time.sleep(DATABASE_STOPPED)
    postgres.start()


def freeze_postgres(_two: TwoWorkers, postgres: PrivatePostgres) -> None:
    """PostgreSQL keeps every connection and answers nothing, as on a disk that hangs; then it goes on."""
    processes = postgres.processes()
    for process in processes:
        process.suspend()
    time.sleep(DATABASE_STOPPED)
    for process in processes:
        process.resume()


FAULTS: dict[str, Callable[[TwoWorkers, PrivatePostgres], None]] = {
    "kill -9 of one worker": kill_one,
    "kill -9 of everything": kill_all,
    "a rolling restart": roll,
    "SIGSTOP of one worker": stop_one,
    "Redis stopped and back": redis_away,
    "every database connection ended": kill_backends,
    "PostgreSQL stopped and back": stop_postgres,
    "PostgreSQL silent and back": freeze_postgres,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_doubled_or_reordered(fault: str, stage: tuple[TwoWorkers, PrivatePostgres]) -> None:
    two, postgres = stage
    for _ in range(ROUNDS):
        two_live(two)
        people = [two.viewer(f"talker-{number}") for number in range(PEOPLE)]
        talk_through(lambda: FAULTS[fault](two, postgres), people, two.channel())
