"""Somebody comes back to a page whose session has ended: what they typed is not lost, and nobody else gets it."""

from __future__ import annotations

import html

import pytest
from sqlalchemy import func, select

from app.applications.streamer_application import StreamerApplication
from app.auth.unsent_form import UnsentForm
from app.auth.user import User
from app.clock import Clock
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.tables import everything

ABOUT = 'Repairing "old" radios <slowly>, on Sundays.\r\nWith tea.'
FIELDS = {
    "email": "vera@example.org",
    "channel_name": "Vera's corner",
    "slug": "corner",
    "about": ABOUT,
    "links": "",
    "agree": "y",
}
LATER = 3 * 3600


def send_late(person: Person, clock: Clock, path: str, on: str, **fields: str) -> str:
    """Open the page, let the session end, send the form; where it leads."""
    [form, *_] = [form for form in person.forms(on) if form.action == path]
    clock.offset_seconds += LATER
    answer = person.request(path, method="POST", data={**form.fields, **fields})
    return str(answer.location) if answer.status_code == 302 else html.unescape(answer.text)


def sign_in_at(person: Person, login: str, name: str = "vera") -> str:
    """Sign in on the page that was led to; where that leads."""
    assert login.startswith("/login?next=")
    then = login.partition("next=")[2].replace("%2F", "/")
    return str(person.post_form("/login", username=name, password=PASSWORD, next=then).location)


def resend(person: Person, path: str) -> str:
    """Press the button on the page that kept it; the page that answers."""
    [form] = [form for form in person.forms("/account/unsent") if form.action == path]
    return person.request(path, method="POST", data=form.fields, follow_redirects=True).text


@on_both_databases
def test_an_application_is_found_again_after_signing_in_and_sent(people: People, clock: Clock) -> None:
    vera = people.viewer("vera")
    login = send_late(vera, clock, "/apply", "/apply", **FIELDS)
    assert "What you typed is kept" in vera.get(login).text
    assert db.session.scalar(select(func.count()).select_from(StreamerApplication)) == 0, "not as a stranger's"
    assert sign_in_at(vera, login) == "/account/unsent"
    page = html.unescape(vera.get("/account/unsent").text)
    assert 'Repairing "old" radios <slowly>, on Sundays.' in page
    assert "Save this link" in resend(vera, "/apply")
    db.session.rollback()
    [application] = db.session.scalars(select(StreamerApplication))
    user = User.named("vera")
    assert user and application.applicant_id == user.id
    assert application.about == ABOUT.replace("\r\n", "\n")


@on_both_databases
def test_an_admins_answer_is_not_lost_either(people: People, clock: Clock) -> None:
    people.visitor().post_form("/apply", **FIELDS)
    ada = people.admin("ada")
    path = "/admin/applications/1/approve"
    login = send_late(ada, clock, path, "/admin/applications/1", reason="Welcome, with tea.", note="knows radios")
    assert sign_in_at(ada, login, "ada") == "/account/unsent"
    assert "Welcome, with tea." in ada.get("/account/unsent").text
    assert "The channel is open." in resend(ada, path)


def test_what_is_kept_is_sealed_and_holds_no_password(people: People, clock: Clock) -> None:
    vera = people.viewer("vera")
    sent = {"messages": "keep", "password": PASSWORD, "csrf": "x"}
    login = send_late(vera, clock, "/account/delete", "/account/data", **sent)
    assert PASSWORD not in str(everything())
    sign_in_at(vera, login)
    kept = UnsentForm.of(1)
    assert kept and dict(kept.fields)["messages"] == "keep"
    assert "keep" not in str(kept.fields_sealed)
    assert "password" not in dict(kept.fields)
    assert "Type your password." in resend(vera, "/account/delete")
    assert User.named("vera")


def test_a_form_of_passwords_alone_keeps_nothing(people: People, clock: Clock) -> None:
    vera = people.viewer("vera")
    new = "another lamp beside the river"
    sent = {"current_password": PASSWORD, "new_password": new, "confirm_password": new}
    path = "/account/password"
    assert send_late(vera, clock, path, path, **sent) == "/login"
    assert db.session.scalar(select(func.count()).select_from(UnsentForm)) == 0


def test_a_button_without_words_keeps_nothing(people: People, clock: Clock) -> None:
    vera = people.viewer("vera")
    assert send_late(vera, clock, "/account/data/download", "/account/data") == "/login"


@on_both_databases
def test_nobody_else_finds_it(people: People, clock: Clock) -> None:
    vera, bert = people.viewer("vera"), people.account("bert")
    login = send_late(vera, clock, "/apply", "/apply", **FIELDS)
    assert bert
    assert sign_in_at(vera, login, "bert") == "/account/unsent"
    page = vera.get("/account/unsent").text
    assert "Nothing is kept" in page and "radios" not in page


def test_it_goes_after_an_hour_or_at_once_if_one_wants(people: People, clock: Clock) -> None:
    vera = people.viewer("vera")
    login = send_late(vera, clock, "/apply", "/apply", **FIELDS)
    sign_in_at(vera, login)
    vera.post_form("/account/unsent/discard", on="/account/unsent")
    assert "Nothing is kept" in vera.get("/account/unsent").text
    sign_in_at(vera, send_late(vera, clock, "/apply", "/apply", **FIELDS))
    clock.offset_seconds += 3601
    assert "Nothing is kept" in vera.get("/account/unsent").text


@pytest.mark.parametrize("ended", ["revoked", "logout"])
def test_a_session_that_somebody_ended_keeps_nothing(people: People, ended: str) -> None:
    """A stolen cookie, cut off by its owner, must not leave words in the owner's account."""
    vera = people.viewer("vera")
    thief = people.visitor()
    thief.cookie = vera.cookie
    token = thief.csrf_token("/apply")
    if ended == "revoked":
        other = people.visitor().sign_in("vera")
        other.post_form("/account/sessions/revoke-others", on="/account/sessions")
    else:
        vera.post_form("/logout", on="/")
    thief.request("/apply", method="POST", data={"csrf_token": token, "as_account": "1", **FIELDS})
    assert db.session.scalar(select(func.count()).select_from(UnsentForm)) == 0
    assert db.session.scalar(select(func.count()).select_from(StreamerApplication)) == 0


def test_a_second_one_takes_the_place_of_the_first(people: People, clock: Clock) -> None:
    vera = people.viewer("vera")
    token = vera.csrf_token("/apply")
    clock.offset_seconds = LATER
    for about in ("the first", "the second"):
        vera.request("/apply", method="POST", data={**FIELDS, "csrf_token": token, "as_account": "1", "about": about})
    db.session.rollback()
    [kept] = db.session.scalars(select(UnsentForm))
    assert dict(kept.fields)["about"] == "the second"


def test_too_much_is_not_kept(people: People, clock: Clock) -> None:
    vera = people.viewer("vera")
    assert send_late(vera, clock, "/apply", "/apply", **{**FIELDS, "about": "x" * 40_000}) == "/login"


def test_a_visitor_applies_as_before(people: People) -> None:
    assert people.visitor().post_form("/apply", **FIELDS).status_code == 200
    assert 'name="as_account"' not in people.visitor().get("/apply").text


def test_an_old_tab_gets_what_was_typed_back_ready_to_be_sent(people: People) -> None:
    """Signed out and in again in another tab: the form's token is of a session that is no more."""
    vera = people.viewer("vera")
    stale = vera.csrf_token("/apply")
    vera.post_form("/logout", on="/")
    vera.sign_in("vera")
    data = {**FIELDS, "csrf_token": stale, "as_account": "1"}
    own = {"Origin": "http://localhost"}
    answer = vera.request("/apply", method="POST", data=data, headers=own)
    assert answer.status_code == 400
    assert "It was not sent" in answer.text and "on Sundays." in answer.text
    assert stale not in answer.text
    fresh = answer.text.split('action="/apply"')[1].split('name="csrf_token" value="')[1].split('"')[0]
    answer = vera.request("/apply", method="POST", data={**data, "csrf_token": fresh}, headers=own)
    assert "Save this link" in answer.text


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_page_elsewhere_puts_no_words_into_anybodys_form(people: People, headers: dict[str, str]) -> None:
    vera = people.viewer("vera")
    answer = vera.request("/apply", method="POST", data={**FIELDS, "csrf_token": "x"}, headers=headers)
    assert answer.status_code == 400
    assert "Vera's corner" not in html.unescape(answer.text)
    assert "on Sundays." not in answer.text
