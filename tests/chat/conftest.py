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


@pytest.fixture(scope="session")
def stock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamzyServer]:
    """One running Streamzy on SQLite and the library's own transport for the whole run."""
    with StreamzyServer(tmp_path_factory.mktemp("server"), TRANSPORT="stock") as running:
        yield running


@pytest.fixture(scope="session")
def stock_backstage(stock_server: StreamzyServer) -> Iterator[Backstage]:
    """Behind the server on the library's transport."""
    backstage = Backstage(stock_server)
    yield backstage
    backstage.close()


@pytest.fixture
def stage(request: pytest.FixtureRequest, new_visitor: Callable[..., Visitor]) -> Iterator[Stage]:
    """A stage on SQLite, or on what ``on_both_stages`` and its like ask for. Its server must print no traceback."""
    which = getattr(request, "param", "sqlite")
    server = request.getfixturevalue("server" if which == "sqlite" else f"{which}_server")
    printed = len(server.log)
    yield Stage(server, request.getfixturevalue(f"{which}_backstage"), new_visitor)
    said = server.log[printed:]
    assert "Traceback" not in said, said[-4000:]


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamzyServer]:
    """One running Streamzy whose limits are low. X-Forwarded-For says which address somebody comes from."""
    limits = {
        "TRUSTED_PROXIES": "1",
        "RATELIMIT_MESSAGES": "30 per minute",
        "RATELIMIT_HISTORY": "5 per minute",
        "RATELIMIT_JOINS": "8 per minute",
        "RATELIMIT_HANDSHAKES": "10 per minute",
        "MAX_CONNECTIONS_PER_ADDRESS": "4",
        "MAX_CONNECTIONS_PER_ACCOUNT": "2",
    }
    with StreamzyServer(tmp_path_factory.mktemp("server"), **limits) as running:
        yield running


@pytest.fixture(scope="session")
def strict_backstage(strict_server: StreamzyServer) -> Iterator[Backstage]:
    """Behind the strict server."""
    backstage = Backstage(strict_server)
    yield backstage
    backstage.close()


@pytest.fixture
def strict(
    strict_server: StreamzyServer, strict_backstage: Backstage, new_visitor: Callable[..., Visitor]
) -> Iterator[Stage]:
    """A stage whose limits are low; nobody's limit is left used up by another test, since nobody comes twice."""
    printed = len(strict_server.log)
    yield Stage(strict_server, strict_backstage, new_visitor)
    said = strict_server.log[printed:]
    assert "Traceback" not in said, said[-4000:]
