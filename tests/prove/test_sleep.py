"""A laptop is shut, the server is restarted or dies meanwhile, and the laptop is opened again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser import Nap
from tests.chat.backstage import Backstage
from tests.journeys.evening import Evening
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

pytestmark = [pytest.mark.prove, pytest.mark.browser]


def after_sigterm(server: StreamzyServer) -> None:
    """It says goodbye to whoever listens; the sleeper does not."""
    server.stop()


def after_a_crash(server: StreamzyServer) -> None:
    """It says nothing to anybody."""
    server.kill9()


@pytest.mark.parametrize("end", [after_sigterm, after_a_crash])
def test_whoever_slept_through_a_restart_misses_nothing_and_sees_nothing_twice(
    start_server: Callable[..., StreamzyServer],
    new_visitor: Callable[..., Visitor],
    new_context: Callable[..., BrowserContext],
    end: Callable[[StreamzyServer], None],
) -> None:
    server = start_server()
    backstage = Backstage(server)
    evening = Evening(server, backstage, new_visitor, new_context)
    window, other = evening.window(evening.person("wren")), evening.person("pelle")
    evening.says(other, "before")
    expect(window.line("before")).to_be_visible()
    window.input.fill("half a sentence")
    asleep = Nap(window.page)
    for number in range(10):
        evening.says(other, f"before the restart {number}")
    other.close_sockets()
    end(server)
    server.start()
    for number in range(10):
        evening.says(other, f"after the restart {number}")
    asleep.end()
    expect(window.line("after the restart 9")).to_be_visible(timeout=30_000)
    said = [f"{when} the restart {number}" for when in ("before", "after") for number in range(10)]
    assert window.texts() == ["before", *said]
    expect(window.input).to_have_value("half a sentence")
    window.input.press("Enter")
    expect(window.line("half a sentence")).to_have_attribute("data-message-id", "22")
    assert backstage.ids(evening.slug) == list(range(1, 23))
    backstage.close()
