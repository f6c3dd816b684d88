"""A server of two workers on private PostgreSQL and Redis, shared by the tests of one database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chat.backstage import Backstage
from tests.postgres import PrivatePostgres
from tests.private_redis import PrivateRedis
from tests.streamzy_server import StreamzyServer
from tests.workers.two_workers import MOST_LINES, TwoWorkers


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, postgres: PrivatePostgres, migrated_postgres: str
) -> Iterator[TwoWorkers]:
    """Two workers on PostgreSQL. Give things names of your own, and leave everything running."""
    url = postgres.create_database(template=migrated_postgres)
    folder = tmp_path_factory.mktemp("two")
    with (
        PrivateRedis() as redis,
        StreamzyServer(
            folder, DATABASE_URL=url, REDIS_URL=redis.url, WORKERS="2", MAX_CONNECTIONS_PER_ACCOUNT=str(MOST_LINES)
        ) as server,
    ):
        two = TwoWorkers(server, redis, Backstage(server))
        yield two
        two.close()
