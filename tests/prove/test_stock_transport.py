"""Everything that two workers promise holds on the library's own transport as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chat.backstage import Backstage
from tests.private_redis import PrivateRedis
from tests.streamzy_server import StreamzyServer
from tests.workers.test_two_workers import *  # noqa: F403 - the same claims, about the server below
from tests.workers.two_workers import MOST_LINES, TwoWorkers

pytestmark = [pytest.mark.prove]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoWorkers]:
    """Two workers on SQLite with TRANSPORT=stock. Give things names of your own, and leave everything running."""
    settings = {"TRANSPORT": "stock", "WORKERS": "2", "MAX_CONNECTIONS_PER_ACCOUNT": str(MOST_LINES)}
    with (
        PrivateRedis() as redis,
        StreamzyServer(tmp_path_factory.mktemp("stock"), REDIS_URL=redis.url, **settings) as server,
    ):
        two = TwoWorkers(server, redis, Backstage(server))
        yield two
        two.close()
