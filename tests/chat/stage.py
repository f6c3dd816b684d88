"""The stage of a chat test: a running server, its people, its channels, and what is behind it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.chat.backstage import Backstage
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

# A test of what databases differ in runs on both.
on_both_stages = pytest.mark.parametrize(
    "stage", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.prove])], indirect=True
)
# A test of what stands near the transport runs on ours and on the library's, and so does whatever must never be lost.
on_every_transport = pytest.mark.parametrize(
    "stage", ["sqlite", pytest.param("stock", marks=pytest.mark.prove)], indirect=True
)
on_every_stage = pytest.mark.parametrize(
    "stage",
    [
        "sqlite",
        pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.prove]),
        pytest.param("stock", marks=pytest.mark.prove),
    ],
    indirect=True,
)
PASSWORD = "Leuchtturm-7-morgens"
numbers = itertools.count(2)


def refusal(answer: dict[str, Any]) -> str:
    """The code with which ``answer`` refuses; it must."""
    assert answer["ok"] is False, answer
    return str(answer["error"]["code"])


@dataclass
class Stage:
    """One server with people and channels of this test's own: their names are never used twice."""

    server: StreamzyServer
    backstage: Backstage
    new_visitor: Callable[..., Visitor]

    @staticmethod
    def address() -> dict[str, str]:
        """Headers of somebody who comes, through a proxy, from an address where nobody was before."""
        return {"X-Forwarded-For": f"10.{next(numbers) % 250}.{next(numbers) % 250}.{next(numbers) % 250}"}

    def visitor(self) -> Visitor:
        """Somebody who is not signed in."""
        return self.new_visitor(self.server)

    def viewer(self, name: str) -> Visitor:
        """Somebody with an account, signed in; called ``name`` and a number."""
        return self.visitor().register(f"{name}-{next(numbers)}", PASSWORD)

    def channel(self, owner: Visitor | None = None, members: tuple[Visitor, ...] = (), **rules: Any) -> str:
        """Open a channel (public, unless ``rules`` say otherwise) and return its slug; its owner stays signed in."""
        slug = f"harbour-{next(numbers)}"
        keeper = owner.name if owner else self.backstage.create_account(f"keeper-{next(numbers)}")
        self.backstage.open_channel(slug, keeper, tuple(member.name for member in members), **rules)
        return slug
