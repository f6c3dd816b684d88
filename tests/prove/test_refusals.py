"""What a guesser can measure, and how soon an ended session's socket is closed: figures, printed with `make prove`."""

from __future__ import annotations

import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.chat.backstage import Backstage
from tests.chat_socket import ChatSocket
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

QUICK = bool(os.environ.get("QUICK"))
TRIES = 6 if QUICK else 30
PASSWORD = "Leuchtturm-7-morgens"
NEW = "Nebelhorn-8-abends"
WRONG = "not the password at all"
SOON = 2.0  # seconds
pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def full_price(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamzyServer]:
    """A server that hashes at 12 rounds, as in production."""
    with StreamzyServer(tmp_path_factory.mktemp("server"), BCRYPT_ROUNDS="12") as running:
        yield running


def test_how_long_a_refusal_takes_does_not_tell_which_it_is(
    full_price: StreamzyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Medians: an unknown name, a wrong password, a locked and a disabled account, by turns."""
    for name in ("wrong", "locked", "shut"):
        full_price.create_user(f"{name}-one", PASSWORD)
    full_price.run_flask("users", "disable", "shut-one")
    visitor = Visitor(full_price.url)
    for _ in range(5):
        visitor.post_form("/login", username="locked-one", password=WRONG)
    backstage = Backstage(full_price)
    taken: dict[str, list[float]] = {name: [] for name in ("nobody-one", "wrong-one", "locked-one", "shut-one")}
    token = visitor.csrf_token()
    for turn in range(TRIES):
        if turn % 4 == 0:
            backstage.forget_tries("wrong-one")
            backstage.forget_tries("shut-one")
        for name, times in taken.items():
            began = time.perf_counter()
            fields = {"csrf_token": token, "username": name, "password": WRONG}
            answer = visitor.http.post(f"{full_price.url}/login", data=fields, timeout=30)
            times.append(time.perf_counter() - began)
            assert answer.status_code == 401
    backstage.close()
    visitor.leave()
    medians = {name.removesuffix("-one"): statistics.median(times) for name, times in taken.items()}
    say(capsys, "refusals, medians in ms", {name: round(median * 1000, 1) for name, median in medians.items()})
    assert max(medians.values()) < 1.2 * min(medians.values()), medians


def revoke(person: Visitor, other: Visitor) -> object:
    """End the one other session on the list."""
    [id] = set(re.findall(r"/account/sessions/(\d+)/revoke", other.get("/account/sessions").text))
    return other.post_form(f"/account/sessions/{id}/revoke", on="/account/sessions")


def change_password(other: Visitor) -> object:
    """Choose another one."""
    fields = {"current_password": PASSWORD, "new_password": NEW, "confirm_password": NEW}
    return other.post_form("/account/password", **fields)


def test_seconds_from_every_kind_of_ending_to_the_end_of_the_socket(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    with StreamzyServer(tmp_path_factory.mktemp("server")) as server:
        given = server.admin_password
        assert given
        admin = Visitor(server.url).sign_in("admin", given)
        admin.post_form("/account/password", current_password=given, new_password=NEW, confirm_password=NEW)

        def by_admin(act: str) -> Callable[[Visitor, Visitor], object]:
            def done(person: Visitor, _: Visitor) -> object:
                [id] = re.findall(r"/admin/users/(\d+)", admin.get(f"/admin/users?name={person.name}").text)[:1]
                return admin.post(f"/admin/users/{id}/{act}", on="/account/sessions")

            return done

        endings: dict[str, Callable[[Visitor, Visitor], object]] = {
            "signing out": lambda person, _: person.sign_out(),
            "ended from the list": revoke,
            "all others ended": lambda _, other: other.post_form(
                "/account/sessions/revoke-others", on="/account/sessions"
            ),
            "password changed": lambda _, other: change_password(other),
            "disabled by an admin": by_admin("disable"),
            "role changed by an admin": by_admin("make-admin"),
            "all ended by an admin": by_admin("end-sessions"),
            "disabled on the command line": lambda person, _: server.run_flask("users", "disable", person.name),
        }
        seconds = {}
        for number, (what, end) in enumerate(endings.items()):
            person = Visitor(server.url).register(f"ada-{number + 2}", PASSWORD)
            other = Visitor(server.url).sign_in(person.name, PASSWORD)
            socket = person.socket()
            seconds[what] = measured(partial(end, person, other), socket)
            person.leave()
            other.leave()
        admin.leave()
    say(capsys, "to the end of the socket, in s from the press and from its answer", seconds)
    assert max(after for _, after in seconds.values()) <= SOON, seconds


def measured(end: Callable[[], object], socket: ChatSocket) -> tuple[float, float]:
    """Seconds until ``socket`` was closed: from the beginning of ``end``, and from its answer (0: closed by then)."""
    pressed = time.monotonic()
    end()
    answered = time.monotonic()
    socket.wait_for_event("signed_out", SOON)
    socket.wait_until_cut(SOON)
    closed = time.monotonic()
    return round(closed - pressed, 3), round(closed - answered, 3)


def say(capsys: pytest.CaptureFixture[str], what: str, figures: object) -> None:
    """Print a figure past pytest's capture: it is what the run is for."""
    with capsys.disabled():
        sys.stdout.write(f"\n{what}: {figures}\n")
