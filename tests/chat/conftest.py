"""What the chat's tests may ask for: a stage on either database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.chat.backstage import Backstage
from tests.chat.stage import Stage
from tests.postgres import PrivatePostgres
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor


@pytest.fixture(scope="session")
def sqlite_backstage(server: StreamzyServer) -> Iterator[Backstage]:
    """Behind the run's own server."""
    backstage = Backstage(server)
    yield backstage
    backstage.close()


@pytest.fixture(scope="session")
def postgres_server(
    tmp_path_factory: pytest.TempPathFactory, postgres: PrivatePostgres, migrated_postgres: str
) -> Iterator[StreamzyServer]:
    """One running Streamzy on PostgreSQL for the whole run."""
    url = postgres.create_database(template=migrated_postgres)
    with StreamzyServer(tmp_path_factory.mktemp("server"), DATABASE_URL=url) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_backstage(postgres_server: StreamzyServer) -> Iterator[Backstage]:
    """Behind the server on PostgreSQL."""
    backstage = Backstage(postgres_server)
    yield backstage
    backstage.close()


@pytest.fixture
def stage(request: pytest.FixtureRequest, new_visitor: Callable[..., Visitor]) -> Iterator[Stage]:
    """A stage on SQLite, or on what ``on_both_stages`` asks for. Its server must not print a traceback meanwhile."""
    database = getattr(request, "param", "sqlite")
    server = request.getfixturevalue("server" if database == "sqlite" else "postgres_server")
    printed = len(server.log)
    yield Stage(server, request.getfixturevalue(f"{database}_backstage"), new_visitor)
    said = server.log[printed:]
    assert "Traceback" not in said, said[-4000:]


@pytest.fixture
def own_stage(
    start_server: Callable[..., StreamzyServer], new_visitor: Callable[..., Visitor]
) -> Iterator[Callable[..., Stage]]:
    """Starts a server with settings of its own: ``own_stage(RATELIMIT_MESSAGES="30 per minute")``."""
    stages: list[Stage] = []

    def start(**settings: str) -> Stage:
        server = start_server(**settings)
        stages.append(Stage(server, Backstage(server), new_visitor))
        return stages[-1]

    yield start
    for stage in stages:
        stage.backstage.close()
        assert "Traceback" not in stage.server.log, stage.server.log[-4000:]
