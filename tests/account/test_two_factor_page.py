"""My second factor: set an app up, keep recovery codes, take it all away again; nobody else's, and no accident."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
import segno
from sqlalchemy import select

from app.auth.recovery_code import RecoveryCode
from app.auth.totp import Totp
from app.auth.user import User
from app.clock import Clock, now
from app.extensions import db
from tests.people import People, Person
from tests.postgres import on_both_databases
from tests.second_factor import PAGE, VERIFY, Phone, begin, codes_on, key_on, set_up_app
from tests.tables import events, everything

QR = f"{PAGE}/qr.svg"


def left(person: Person) -> str:
    """How many recovery codes there are, in the page's words."""
    found = re.search(r'id="codes-left">([^<]+)<', person.get(PAGE).text)
    return found[1] if found else ""


def confirmed() -> list[bool]:
    """For each app in the database, whether it counts."""
    db.session.rollback()
    return [app.is_confirmed for app in db.session.scalars(select(Totp))]


def test_a_visitor_is_asked_to_sign_in(people: People) -> None:
    visitor = people.visitor()
    for path in (PAGE, QR):
        assert visitor.get(path).location == f"/login?next={path}"


@on_both_databases
def test_an_app_counts_from_its_first_code_on(people: People) -> None:
    vera = people.viewer()
    phone = begin(vera)
    assert confirmed() == [False]
    answer = vera.post_form(PAGE, code=phone.code())
    assert answer.status_code == 200
    assert confirmed() == [True]
    assert len(codes_on(answer.text)) == 10
    assert left(vera) == "10 of 10 left"


def test_a_wrong_first_code_changes_nothing_and_may_be_tried_again(people: People) -> None:
    vera = people.viewer()
    phone = begin(vera)
    before = everything(without=("user_session",))
    answer = vera.post_form(PAGE, code="000000")
    assert answer.status_code == 400 and "Is the phone&#39;s clock right?" in answer.text
    assert key_on(answer.text) == phone.key, "the same key: the app has it already"
    assert everything(without=("user_session",)) == before
    assert vera.post_form(PAGE, code=phone.code()).status_code == 200


def test_beginning_anew_makes_another_key_and_the_former_is_worth_nothing(people: People) -> None:
    vera = people.viewer()
    former = begin(vera)
    assert vera.post(f"{PAGE}/app", on=PAGE).status_code == 302
    key = key_on(vera.get(PAGE).text)
    assert len(key) == 32 and key != former.key
    assert vera.post_form(PAGE, code=former.code()).status_code == 400
    assert vera.post_form(PAGE, code=Phone(key).code()).status_code == 200


def test_setting_up_can_be_given_up(people: People) -> None:
    vera = people.viewer()
    begin(vera)
    vera.post_form(f"{PAGE}/app/remove", on=PAGE)
    assert confirmed() == []
    assert not events("two_factor.app_removed", "two_factor.disabled")
    assert vera.signed_in


def test_an_app_that_counts_is_not_replaced_by_beginning_another(people: People) -> None:
    vera = people.viewer()
    set_up_app(vera)
    assert vera.post(f"{PAGE}/app", on=PAGE).status_code == 409
    assert confirmed() == [True]


def test_a_code_without_an_app_that_waits_does_nothing(people: People) -> None:
    vera = people.viewer()
    assert vera.post(PAGE, on=PAGE, code="123456").location == PAGE
    assert confirmed() == []
    phone, _ = set_up_app(vera)
    assert vera.post(PAGE, on=PAGE, code=phone.code()).location == PAGE
    assert left(vera) == "10 of 10 left"


def test_the_picture_holds_the_key_the_name_and_the_site_and_is_kept_by_no_cache(people: People) -> None:
    vera = people.viewer()
    assert vera.get(QR).status_code == 404, "there is no key yet"
    phone = begin(vera)
    answer = vera.get(QR)
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "no-store"
    uri = pyotp.TOTP(phone.key).provisioning_uri(name="vera", issuer_name="Streamzy localhost")
    assert parse_qs(urlsplit(unquote(uri)).query)["secret"] == [phone.key]
    expected = segno.make(uri, error="m", micro=False)
    size = expected.symbol_size(scale=4, border=4)
    assert f'width="{size[0]}" height="{size[1]}"' in answer.text
    assert re.findall(r' d="([^"]+)"', answer.text) == re.findall(
        r' d="([^"]+)"', expected.svg_inline(scale=4, border=4, light="#fff")
    )
    assert "script" not in answer.text and "style=" not in answer.text


def test_a_key_that_counts_is_never_shown_again(people: People) -> None:
    vera = people.viewer()
    phone, _ = set_up_app(vera)
    page = vera.get(PAGE).text
    assert phone.key not in page and key_on(page) == "" and "qr.svg" not in page
    assert vera.get(QR).status_code == 404


def test_nobody_at_an_open_screen_copies_a_key_that_waits(people: People, clock: Clock) -> None:
    vera = people.viewer()
    begin(vera)
    clock.offset_seconds += 301
    for path in (PAGE, QR):
        assert vera.get(path).location == f"/account/confirm?next={path}"


def test_no_page_of_it_is_kept_by_a_cache(people: People) -> None:
    vera = people.viewer()
    phone = begin(vera)
    answers = [vera.get(PAGE), vera.post_form(PAGE, code=phone.code()), vera.post_form(f"{PAGE}/codes", on=PAGE)]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert {answer.status_code for answer in answers} == {200}


@on_both_databases
def test_new_codes_end_the_former_ones(people: People) -> None:
    vera = people.viewer()
    _, former = set_up_app(vera)
    fresh = codes_on(vera.post_form(f"{PAGE}/codes", on=PAGE).text)
    assert len(fresh) == 10 and not set(fresh) & set(former)
    halfway = people.visitor()
    halfway.post_form("/login", username="vera", password="four words make one")
    assert halfway.post_form(VERIFY, code=former[0]).status_code == 401
    assert halfway.post_form(VERIFY, code=fresh[0]).status_code == 302
    assert left(vera) == "9 of 10 left"
    assert events("two_factor.codes_renewed")


def test_codes_are_for_those_who_have_something_to_recover_from(people: People) -> None:
    vera = people.viewer()
    assert vera.post(f"{PAGE}/codes", on=PAGE).location == PAGE
    assert not db.session.scalars(select(RecoveryCode)).all()
    assert "first second factor" in vera.get(PAGE).text


def test_the_codes_can_be_saved_as_a_file_without_javascript(people: People) -> None:
    vera = people.viewer()
    shown = vera.post_form(PAGE, code=begin(vera).code())
    codes = codes_on(shown.text)
    sent = re.search(r'name="codes" value="([^"]+)"', shown.text)
    assert sent and sent[1].split() == codes
    answer = vera.post(f"{PAGE}/codes/download", on=PAGE, codes=sent[1])
    assert answer.mimetype == "text/plain"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="streamzy-recovery-codes.txt"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text.split("\r\n")[3:-1] == codes and "vera" in answer.text


def test_no_text_but_ones_own_newest_codes_comes_back_as_a_file(people: People) -> None:
    vera, otto = people.viewer(), people.viewer("otto")
    _, codes = set_up_app(vera)
    _, foreign = set_up_app(otto)
    for sent in ("", "a text of somebody's choosing", foreign[0], f"{codes[0]} and more", "<script>alert(1)</script>"):
        assert vera.post(f"{PAGE}/codes/download", on=PAGE, codes=sent).status_code == 409, sent
    vera.post_form(f"{PAGE}/codes", on=PAGE)
    assert vera.post(f"{PAGE}/codes/download", on=PAGE, codes=" ".join(codes)).status_code == 409


def test_everything_about_it_is_on_record_and_no_secret_is(people: People) -> None:
    vera = people.viewer(address="127.0.0.7")
    phone, codes = set_up_app(vera)
    vera.post_form(f"{PAGE}/codes", on=PAGE)
    vera.post_form(f"{PAGE}/app/remove", on=PAGE)
    recorded = [event for event in events() if event.event.startswith("two_factor")]
    assert [(event.event, event.details) for event in recorded] == [
        ("two_factor.app_added", None),
        ("two_factor.enabled", {"which": "app"}),
        ("two_factor.codes_renewed", None),
        ("two_factor.app_removed", None),
        ("two_factor.disabled", {"which": "app"}),
    ]
    assert {(event.actor_name, event.ip, event.target_kind) for event in recorded} == {("vera", "127.0.0.7", "account")}
    everything_recorded = str([(event.details, event.target_name) for event in events()])
    assert not [secret for secret in (phone.key, *codes) if secret in everything_recorded]


def test_one_persons_acts_touch_nobody_elses(people: People) -> None:
    vera, otto = people.viewer(), people.viewer("otto")
    set_up_app(vera)
    set_up_app(otto)
    vera.post_form(f"{PAGE}/app/remove", on=PAGE)
    assert left(otto) == "10 of 10 left" and left(vera) == ""
    owners = set(db.session.scalars(select(User.username).join(Totp, Totp.account_id == User.id)))
    assert owners == {"otto"}


@pytest.mark.settings(RATELIMIT_PASSWORDS="3 per 5 minutes")
def test_first_codes_are_limited_too(people: People) -> None:
    vera = people.viewer()
    begin(vera)
    assert [vera.post_form(PAGE, code="000000").status_code for _ in range(4)] == [400, 400, 400, 429]


def test_few_codes_left_are_pointed_out(people: People) -> None:
    vera = people.viewer()
    set_up_app(vera)
    for number, codes in enumerate(db.session.scalars(select(RecoveryCode)).all()):
        codes.used_at = now() if number < 8 else None
    db.session.commit()
    page = vera.get(PAGE).text
    assert '<span class="pill pill--warn" id="codes-left">2 of 10 left</span>' in page
