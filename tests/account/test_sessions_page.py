"""Where am I signed in: all of mine and none of anybody else's, and a button that really ends them."""

from __future__ import annotations

import re

from app.auth.session import UserSession
from app.clock import Clock
from app.extensions import db
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.tables import events, everything

CHROME_ON_ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Mobile Safari/537.36"
)


def listed(person: Person) -> list[int]:
    """The sessions that the page offers to end."""
    return [
        int(number) for number in re.findall(r"/account/sessions/(\d+)/revoke", person.get("/account/sessions").text)
    ]


def newest() -> int:
    """The session that began last."""
    number: int | None = db.session.scalars(db.select(UserSession.id).order_by(UserSession.id.desc())).first()
    assert number is not None
    return number


@on_both_databases
def test_a_person_sees_every_browser_they_are_signed_in_with(people: People) -> None:
    vera = people.viewer(address="127.0.0.7")
    people.visitor(address="127.0.0.8", agent=CHROME_ON_ANDROID).sign_in("vera")
    page = vera.get("/account/sessions").text
    for words in ("Firefox on Linux", "127.0.0.0/24", "Chrome Mobile on Android"):
        assert words in page
    assert listed(vera) == [newest()], "the others can be ended; for this one there is the sign-out button"


def test_nobody_sees_anybody_elses(people: People) -> None:
    people.viewer("otto", address="127.0.0.9")
    vera, ada = people.viewer(), people.admin()
    for person in (vera, ada):
        assert "127.0.0.9" not in person.get("/account/sessions").text
        assert listed(person) == []


def test_what_has_ended_is_not_listed(people: People, clock: Clock) -> None:
    vera = people.viewer()
    people.visitor(address="127.0.0.8").sign_in("vera").post_form("/logout", on="/")
    people.visitor(address="127.0.0.9").sign_in("vera")
    assert len(listed(vera)) == 1
    clock.offset_seconds = 100 * 60
    assert vera.signed_in
    clock.offset_seconds += 100 * 60
    assert listed(vera) == [], "the other one has expired"


@on_both_databases
def test_a_person_ends_one_session_of_theirs(people: People) -> None:
    vera, lost, kept = people.viewer(), people.visitor(), people.visitor()
    lost.sign_in("vera")
    number = newest()
    kept.sign_in("vera")
    answer = vera.post_form(f"/account/sessions/{number}/revoke", on="/account/sessions")
    assert answer.location == "/account/sessions"
    assert (vera.signed_in, lost.signed_in, kept.signed_in) == (True, False, True)
    (event,) = events("session.revoked")
    assert (event.actor_name, event.target_id) == ("vera", number)


@on_both_databases
def test_a_person_ends_all_others_at_once(people: People) -> None:
    vera, first, second, otto = people.viewer(), people.visitor(), people.visitor(), people.viewer("otto")
    first.sign_in("vera")
    second.sign_in("vera")
    assert vera.post_form("/account/sessions/revoke-others", on="/account/sessions").status_code == 302
    assert (vera.signed_in, first.signed_in, second.signed_in, otto.signed_in) == (True, False, False, True)


@on_both_databases
def test_nobody_ends_anybody_elses(people: People) -> None:
    """Looking it up is the permission: somebody else's session does not exist."""
    otto = people.viewer("otto")
    number = newest()
    vera, ada = people.viewer(), people.admin()
    before = everything()
    for person in (vera, ada):
        answer = person.post(f"/account/sessions/{number}/revoke")
        assert answer.status_code == 404
    assert everything() == before
    assert otto.signed_in


def test_a_visitor_ends_none(people: People) -> None:
    vera = people.viewer()
    number = newest()
    visitor = people.visitor()
    for path in (f"/account/sessions/{number}/revoke", "/account/sessions/revoke-others"):
        assert visitor.post(path).location == "/login"
    assert vera.signed_in


def test_an_ended_session_cannot_be_ended_again(people: People) -> None:
    vera = people.viewer()
    people.visitor().sign_in("vera")
    number = newest()
    assert vera.post(f"/account/sessions/{number}/revoke").status_code == 302
    assert vera.post(f"/account/sessions/{number}/revoke").status_code == 404
    assert len(events("session.revoked")) == 1


def test_ending_the_session_one_is_in_signs_out(people: People) -> None:
    vera = people.viewer()
    vera.post(f"/account/sessions/{newest()}/revoke")
    assert not vera.signed_in


def test_a_browsers_own_words_are_shown_as_words(people: People) -> None:
    hostile = people.visitor(agent="<script>alert(1)</script>\x1b[31m")
    people.account("vera")
    hostile.sign_in("vera")
    page = hostile.get("/account/sessions").text
    assert "<script>alert" not in page
    assert "\x1b" not in page
