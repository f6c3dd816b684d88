"""What browser tests may ask for: the world, built once, windows of its people, and an evening in a channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.chat.backstage import Backstage
from tests.journeys.evening import Evening
from tests.journeys.world import World
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

# Everybody comes from one address; what a person may say in a minute stays what it is.
SETTINGS = {
    "RATELIMIT_MESSAGES": "30 per minute",
    "RATELIMIT_PAGES": "100000 per minute",
    "RATELIMIT_JOINS": "10000 per minute",
    "RATELIMIT_REVEALS": "1000 per minute",
    "RATELIMIT_PASSWORDS": "1000 per minute",
    # A mail server that is away: what is said of letters is there to be looked at, and none goes out.
    "MAIL_SERVER": "127.0.0.1",
    "MAIL_PORT": "1",
    "MAIL_USE_TLS": "false",
    "MAIL_DEFAULT_SENDER": "Streamzy <chat@example.org>",
}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world of all tests that only look, or bring people of their own."""
    with StreamzyServer(tmp_path_factory.mktemp("world"), **SETTINGS) as server:
        backstage = Backstage(server)
        built = World(server, backstage).build()
        yield built
        for person in built.people.values():
            person.leave()
        backstage.close()


@pytest.fixture
def window_of(world: World, new_context: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    """Opens a window in which somebody of the world is signed in: ``window_of("viewer", color_scheme="dark")``."""

    def open_for(who: str, **options: Any) -> BrowserContext:
        context = new_context(base_url=world.server.url, **options)
        cookies = world.people[who].http.cookies
        context.add_cookies(
            [{"name": str(each.name), "value": str(each.value), "url": world.server.url} for each in cookies]
        )
        return context

    return open_for


@pytest.fixture(scope="session")
def behind_the_server(server: StreamzyServer) -> Iterator[Backstage]:
    """Behind the run's own server."""
    backstage = Backstage(server)
    yield backstage
    backstage.close()


@pytest.fixture
def evening(
    server: StreamzyServer,
    behind_the_server: Backstage,
    new_visitor: Callable[..., Visitor],
    new_context: Callable[..., BrowserContext],
) -> Evening:
    """A public channel of this test's own, with its streamer, on the run's own server."""
    return Evening(server, behind_the_server, new_visitor, new_context)
