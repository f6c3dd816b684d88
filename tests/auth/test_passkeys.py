"""Passkeys: as the second step or alone, and every answer that proves nothing. The key is software: it can also cheat.

What real browsers make of it is in tests/journeys/test_passkeys_in_the_browser.py.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.auth import challenge, passkey
from app.auth.passkey import Passkey, Site
from app.auth.session import UserSession
from app.auth.user import User
from app.clock import Clock
from app.extensions import db
from tests.people import PASSWORD, People, Person
from tests.postgres import on_both_databases
from tests.second_factor import PAGE, VERIFY, SecurityKey, add_key, ask, codes_on, set_up_app
from tests.tables import events, everything

ALONE = "/login/passkey"
SECOND = f"{VERIFY}/passkey"
WRONG = "not the password at all"


def owner(people: People, name: str = "vera", *, counts: bool = True) -> tuple[Person, SecurityKey]:
    """Somebody with a passkey, and the key."""
    person, key = people.viewer(name), SecurityKey(counts=counts)
    assert add_key(person, key).status_code == 200
    return person, key


def halfway(people: People, name: str = "vera") -> Person:
    """Somebody in another browser who gave the right password."""
    person = people.visitor()
    assert person.post_form("/login", username=name, password=PASSWORD).location == VERIFY
    return person


def second_step(person: Person, key: SecurityKey, **cheat: object) -> TestResponse:
    """Sign with ``key`` as the second step."""
    answer = key.get(ask(person, f"{SECOND}/options", VERIFY), **cheat)  # type: ignore[arg-type]  # what get() takes
    return person.post(SECOND, on=VERIFY, credential=answer)


def alone(person: Person, key: SecurityKey, **cheat: object) -> TestResponse:
    """Sign in with ``key`` and nothing else."""
    answer = key.get(ask(person, f"{ALONE}/options", "/login"), **cheat)  # type: ignore[arg-type]  # see above
    return person.post(ALONE, on="/login", credential=answer)


def refused(answer: TestResponse, person: Person) -> bool:
    """Whether the answer opened nothing and says why in the one way there is."""
    return answer.status_code == 401 and "This passkey was not accepted." in answer.text and not person.signed_in


@on_both_databases
def test_a_passkey_is_the_second_step_and_the_password_alone_is_not_enough(people: People) -> None:
    vera, key = people.viewer(), SecurityKey()
    shown = add_key(vera, key)
    assert len(codes_on(shown.text)) == 10, "the first second factor brings recovery codes"
    coming = halfway(people)
    assert not coming.signed_in
    assert second_step(coming, key).status_code == 302
    assert coming.signed_in
    assert events("login.succeeded")[-1].details == {"how": "password+passkey"}
    assert [event.details for event in events("passkey.added")] == [{"passkey": "the blue one"}]
    assert "last used" in vera.get(PAGE).text


@on_both_databases
def test_a_passkey_alone_signs_in_if_its_device_checked_who_holds_it(people: People) -> None:
    _, key = owner(people)
    coming = people.visitor()
    options = ask(coming, f"{ALONE}/options", "/login")
    assert (options["userVerification"], options["allowCredentials"]) == ("required", []), "it tells nobody's keys"
    assert alone(coming, key).status_code == 302
    assert coming.signed_in
    assert events("login.succeeded")[-1].details == {"how": "passkey"}

    key.verifies = False  # found on a table: somebody touches it, who need not be its owner
    thief = people.visitor()
    assert refused(alone(thief, key), thief)
    beside_the_password = halfway(people)
    assert second_step(beside_the_password, key).status_code == 302, "beside the password it is enough"


def test_next_is_kept_and_leads_nowhere_else(people: People) -> None:
    _, key = owner(people)
    for path, leads in (("/account/sessions", "/account/sessions"), ("//evil.example", "/")):
        coming = people.visitor()
        answer = key.get(ask(coming, f"{ALONE}/options", "/login"))
        assert coming.post(ALONE, on="/login", credential=answer, next=path).location == leads


@on_both_databases
def test_a_wrong_key_opens_nothing(people: People) -> None:
    _, key = owner(people)
    _, ottos = owner(people, "otto")
    for cheat in (
        SecurityKey(handle=key.handle),  # nobody's
        SecurityKey(id=key.id, handle=key.handle, count=99),  # says that it is hers, and signs with another secret
    ):
        stranger, half = people.visitor(), halfway(people)
        assert refused(alone(stranger, cheat), stranger)
        assert refused(second_step(half, cheat), half)
    half = halfway(people)
    assert refused(second_step(half, ottos), half), "somebody else's good key, after her password"
    whys = {str((event.details or {}).get("why", "")).split(":")[0] for event in events("passkey.refused")}
    assert whys == {"nobody's, or somebody else's", "InvalidAuthenticationResponse"}
    assert len(events("login.second_factor_failed")) == 3
    assert len(events("login.succeeded")) == 2, "the two who added a key"


def test_a_key_signs_for_its_own_account_only(people: People) -> None:
    """A device could keep one key under the handle of another account: the two must agree."""
    _, key = owner(people)
    _, ottos = owner(people, "otto")
    stranger = people.visitor()
    assert refused(alone(stranger, ottos, handle=key.handle), stranger)
    assert refused(alone(stranger, ottos, handle=b""), stranger), "alone it must say whose it is"
    half = halfway(people, "otto")
    assert second_step(half, ottos, handle=b"").status_code == 302, "an older key that keeps no names says nothing"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:81", "https://localhost", "null"])
def test_what_was_signed_for_another_page_opens_nothing(people: People, origin: str) -> None:
    """The phishing site shows the real site's challenge: the browser signs which page it stood on."""
    _, key = owner(people)
    stranger, half = people.visitor(), halfway(people)
    assert refused(alone(stranger, key, origin=origin), stranger)
    assert refused(second_step(half, key, origin=origin), half)
    assert refused(alone(stranger, key, rp="evil.example"), stranger)


@on_both_databases
def test_an_answer_opens_once_even_with_the_cookie_that_held_its_challenge(people: People) -> None:
    _, key = owner(people, counts=False)  # a key that counts would give a copied answer away by itself
    coming = people.visitor()
    answer = key.get(ask(coming, f"{ALONE}/options", "/login"))
    kept, token = coming.cookie, coming.csrf_token("/login")
    assert coming.post(ALONE, on="/login", credential=answer).status_code == 302
    thief = people.visitor()
    thief.cookie = kept
    replayed = thief.request(ALONE, method="POST", data={"csrf_token": token, "credential": answer})
    assert refused(replayed, thief)
    assert "answered before" in str((events("passkey.refused")[-1].details or {})["why"])


@on_both_databases
def test_of_many_who_send_the_same_answer_at_once_one_gets_in(people: People, app: Flask) -> None:
    _, key = owner(people, counts=False)
    coming = people.visitor()
    answer = key.get(ask(coming, f"{ALONE}/options", "/login"))
    kept, token = coming.cookie, coming.csrf_token("/login")
    db.session.rollback()

    def send(_: int) -> int:
        thief = people.visitor()
        thief.cookie = kept
        return thief.request(ALONE, method="POST", data={"csrf_token": token, "credential": answer}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(8))) == [302] + [401] * 7


def test_a_challenge_is_good_for_its_own_act_its_own_browser_and_five_minutes(people: People, clock: Clock) -> None:
    vera, key = owner(people, counts=False)
    coming, other = people.visitor(), people.visitor()
    answer = key.get(ask(coming, f"{ALONE}/options", "/login"))
    ask(other, f"{ALONE}/options", "/login")
    assert refused(other.post(ALONE, on="/login", credential=answer), other), "another browser's"
    half = halfway(people)
    assert refused(half.post(SECOND, on=VERIFY, credential=key.get(ask(half, f"{ALONE}/options", VERIFY))), half), (
        "signed to sign in alone, sent as a second step"
    )
    registered = SecurityKey()
    made = registered.create(ask(vera, f"{PAGE}/passkeys/options", PAGE))
    ask(vera, f"{PAGE}/passkeys/options", PAGE)
    assert vera.post(f"{PAGE}/passkeys", on=PAGE, credential=made, name="late").status_code == 400, "an older challenge"
    answer = key.get(ask(coming, f"{ALONE}/options", "/login"))
    clock.offset_seconds += challenge.LIFETIME.total_seconds() + 1
    assert refused(coming.post(ALONE, on="/login", credential=answer), coming), "too old"
    assert refused(coming.post(ALONE, on="/login", credential=answer), coming), "none left to answer"


@on_both_databases
def test_a_key_whose_counter_goes_back_may_be_a_copy_and_is_refused(people: People) -> None:
    _, key = owner(people)
    copied_at = key.count
    assert alone(people.visitor(), key).status_code == 302
    key.count = copied_at
    thief, half = people.visitor(), halfway(people)
    assert refused(alone(thief, key), thief)
    key.count = copied_at
    assert refused(second_step(half, key), half)
    cloned = events("passkey.cloned")
    assert [(event.target_name, event.details) for event in cloned] == [("vera", {"passkey": "the blue one"})] * 2
    key.count += 10
    assert alone(people.visitor(), key).status_code == 302, "the true one goes on"


def test_a_key_that_does_not_count_goes_on(people: People) -> None:
    _, key = owner(people, counts=False)
    for _ in range(2):
        assert alone(people.visitor(), key).status_code == 302


@on_both_databases
def test_a_removed_key_opens_nothing(people: People) -> None:
    vera, key = owner(people)
    spare = SecurityKey()
    assert add_key(vera, spare, "spare").status_code == 302
    id = db.session.scalar(db.select(Passkey.id).order_by(Passkey.id))
    db.session.rollback()
    assert vera.post_form(f"{PAGE}/passkeys/{id}/remove", on=PAGE).location == PAGE
    stranger, half = people.visitor(), halfway(people)
    assert refused(alone(stranger, key), stranger)
    assert refused(second_step(half, key), half)
    assert second_step(halfway(people), spare).status_code == 302, "the other one does"


def test_after_the_last_one_the_password_alone_signs_in_and_other_browsers_are_out(people: People) -> None:
    vera, key = owner(people)
    elsewhere = people.visitor()
    assert alone(elsewhere, key).status_code == 302
    vera.post_form(f"{PAGE}/passkeys/1/remove", on=PAGE)
    assert (vera.signed_in, elsewhere.signed_in) == (True, False)
    assert people.visitor().sign_in("vera").signed_in
    assert events("two_factor.disabled")


def test_nobody_removes_anybody_elses(people: People) -> None:
    owner(people)
    otto, _ = owner(people, "otto")
    before = everything()
    assert otto.post(f"{PAGE}/passkeys/1/remove", on=PAGE).status_code == 404
    assert everything() == before


@on_both_databases
def test_a_shut_account_opens_to_no_key_and_the_answer_does_not_say_why(people: People) -> None:
    _, key = owner(people)
    half = halfway(people)
    signed = key.get(ask(half, f"{SECOND}/options", VERIFY))
    assert people.app.test_cli_runner().invoke(args=["users", "disable", "vera"]).exit_code == 0
    stranger = people.visitor()
    assert refused(alone(stranger, key), stranger)
    assert half.post(SECOND, on="/login", credential=signed).location == "/login"
    assert len(events("login.refused")) == 1
    assert not [session for session in db.session.scalars(db.select(UserSession)) if session.ended_at is None]


def test_wrong_passwords_of_others_shut_no_passkey_out(people: People) -> None:
    _, key = owner(people)
    for _ in range(6):
        people.visitor().post_form("/login", username="vera", password=WRONG)
    assert people.visitor().post_form("/login", username="vera", password=PASSWORD).status_code == 401
    assert alone(people.visitor(), key).status_code == 302


def test_a_generated_password_is_still_to_be_changed(people: People) -> None:
    _, key = owner(people)
    assert people.app.test_cli_runner().invoke(args=["users", "reset-password", "vera"]).exit_code == 0
    assert alone(people.visitor(), key).location == "/account/password"


@pytest.mark.settings(RATELIMIT_LOGIN="2 per 5 minutes")
def test_answers_count_against_the_address_as_passwords_do(people: People) -> None:
    owner(people)
    stranger = people.visitor()
    assert [alone(stranger, SecurityKey()).status_code for _ in range(3)] == [401, 401, 429]


@pytest.mark.parametrize(
    "odd", ["", "{}", "[]", "null", "x", '{"id":"a","rawId":"b"}', "\0", "x" * 200_000, '{"response":{}}', "1e999"]
)
def test_what_is_no_answer_is_refused_and_never_an_error(people: People, odd: str) -> None:
    vera, _ = owner(people)
    stranger, half = people.visitor(), halfway(people)
    ask(stranger, f"{ALONE}/options", "/login")
    assert refused(stranger.post(ALONE, on="/login", credential=odd), stranger)
    ask(half, f"{SECOND}/options", VERIFY)
    assert refused(half.post(SECOND, on=VERIFY, credential=odd), half)
    ask(vera, f"{PAGE}/passkeys/options", PAGE)
    assert vera.post(f"{PAGE}/passkeys", on=PAGE, credential=odd, name="x").status_code == 400


def test_a_damaged_answer_is_refused_wherever_it_is_damaged(people: People) -> None:
    _, key = owner(people, counts=False)
    stranger = people.visitor()
    for part in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        answer = json.loads(key.get(ask(stranger, f"{ALONE}/options", "/login")))
        said = answer["response"][part]
        answer["response"][part] = ("A" if said[0] != "A" else "B") + said[1:]
        assert refused(stranger.post(ALONE, on="/login", credential=json.dumps(answer)), stranger), part


@on_both_databases
def test_a_key_is_added_once_and_its_challenge_is_spent_by_a_failure(people: People) -> None:
    vera, key = owner(people)
    options = ask(vera, f"{PAGE}/passkeys/options", PAGE)
    assert len(options["excludeCredentials"]) == 1, "browsers are told which devices have one"
    assert vera.post(f"{PAGE}/passkeys", on=PAGE, credential=key.create(options), name="twice").status_code == 400
    assert vera.post(f"{PAGE}/passkeys", on=PAGE, credential=SecurityKey().create(options), name="b").status_code == 400
    assert add_key(people.viewer("otto"), key).status_code == 400, "nor to another account"
    assert [row.name for row in db.session.scalars(db.select(Passkey))] == ["the blue one"]


def test_a_key_made_on_another_page_is_not_added(people: People) -> None:
    vera = people.viewer()
    made = SecurityKey().create(ask(vera, f"{PAGE}/passkeys/options", PAGE), origin="https://evil.example")
    assert vera.post(f"{PAGE}/passkeys", on=PAGE, credential=made, name="x").status_code == 400
    assert not db.session.scalars(db.select(Passkey)).all()


def test_an_account_has_so_many_and_no_more(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkey, "MOST", 2)
    vera, _ = owner(people)
    assert add_key(vera, SecurityKey()).status_code == 302
    assert add_key(vera, SecurityKey()).status_code == 400


@pytest.mark.parametrize(
    ("name", "shown"),
    [("  yubi  ", "yubi"), ("a\u202eb", "ab"), ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"), ("", "Firefox on Linux")],
)
def test_its_name_is_what_its_owner_calls_it(people: People, name: str, shown: str) -> None:
    vera = people.viewer()
    add_key(vera, SecurityKey(), name)
    assert f"<bdi>{shown}</bdi></h3>" in vera.get(PAGE).text


@pytest.mark.settings(REQUIRE_ADMIN_TWO_FACTOR="true")
def test_a_passkey_is_the_second_factor_that_admins_must_have(people: People) -> None:
    ada, key = people.admin(), SecurityKey()
    assert ada.get("/admin/").location == PAGE
    assert add_key(ada, key).status_code == 200
    assert ada.get("/admin/").status_code == 200
    again = people.visitor()
    assert alone(again, key).status_code == 302
    assert again.get("/admin/").status_code == 200


def test_an_app_and_a_passkey_each_do(people: People, clock: Clock) -> None:
    vera, key = people.viewer(), SecurityKey()
    phone, _ = set_up_app(vera)
    assert add_key(vera, key).status_code == 302, "no new codes: it is the second of them"
    clock.offset_seconds += 31
    assert second_step(halfway(people), key).status_code == 302
    assert halfway(people).post_form(VERIFY, code=phone.code()).status_code == 302


@pytest.mark.parametrize(
    ("origin", "possible"),
    [
        ("http://localhost:5000", True),
        ("http://chat.localhost", True),
        ("https://chat.example.org", True),
        ("http://chat.example.org", False),  # browsers want HTTPS
        ("http://127.0.0.1:5000", False),
        ("https://192.0.2.1", False),
        ("https://[2001:db8::1]", False),
    ],
)
def test_they_are_offered_only_where_browsers_make_them(origin: str, possible: bool) -> None:
    assert Site(origin).can_have_passkeys is possible


def test_what_a_device_keeps_says_nothing_about_the_account(people: People) -> None:
    _, key = owner(people)
    user = User.named("vera")
    assert user and len(key.handle) == 32
    # One byte of the number is among 32 random ones now and then, so its usual writings are asked for whole.
    numbers = (str(user.id).encode().rjust(32, b"0"), user.id.to_bytes(32, "big"), user.id.to_bytes(32, "little"))
    assert b"vera" not in key.handle and key.handle not in numbers
