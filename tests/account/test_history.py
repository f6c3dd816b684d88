"""What happened to one's own account, as its owner reads it."""

from __future__ import annotations

from datetime import timedelta

from app.audit import history
from app.auth.user import User
from app.clock import Clock, now
from app.extensions import db
from tests.people import PASSWORD, People
from tests.postgres import on_both_databases


@on_both_databases
def test_sign_ins_failures_and_changes_are_there_newest_first(people: People) -> None:
    vera = people.viewer("vera", address="192.0.2.77")
    people.visitor(address="198.51.100.5").post_form("/login", username="vera", password="not it at all")
    new = "another lamp beside the river"
    vera.post_form("/account/password", current_password=PASSWORD, new_password=new, confirm_password=new)
    page = vera.get("/account/history").text
    order = [page.index(words) for words in ("Password changed", "Sign-in failed", "Signed in")]
    assert order == sorted(order)
    assert "192.0.2.0/24" in page and "198.51.100.0/24" in page
    assert "192.0.2.77" not in page and "198.51.100.5" not in page


def test_nobody_sees_anybody_elses(people: People) -> None:
    bert = people.viewer("bert", address="198.51.100.5")
    people.viewer("vera", address="192.0.2.77")
    assert "192.0.2." not in bert.get("/account/history").text
    assert people.visitor().get("/account/history").location.startswith("/login")


def test_an_admin_sees_there_what_happened_to_them_not_what_they_did_to_others(people: People) -> None:
    ada = people.admin("ada")
    vera = people.account("vera")
    ada.post(f"/admin/users/{vera.id}/disable", on="/account/sessions")
    assert "Account disabled" not in ada.get("/account/history").text
    events, _ = history.of_account(vera.id, since=now() - timedelta(days=1))
    assert [event.event for event in events] == ["account.disabled"]


def test_it_goes_back_ninety_days(people: People, clock: Clock) -> None:
    people.viewer("vera", address="192.0.2.77")
    clock.offset_seconds = 91 * 86400
    vera = people.visitor(address="198.51.100.5").sign_in("vera")
    page = vera.get("/account/history").text
    assert "198.51.100.0/24" in page
    assert "192.0.2.0/24" not in page


@on_both_databases
def test_a_long_history_has_pages(people: People) -> None:
    vera = people.viewer("vera")
    for _ in range(60):
        people.visitor().post_form("/login", username="vera", password="not it at all")
    first = vera.get("/account/history").text
    older = first.split('href="/account/history?before=')[1].split('"')[0]
    last = vera.get(f"/account/history?before={older}").text
    assert first.count("<tr>") == 51
    assert "Signed in" in last and "Signed in" not in first.partition("<table")[2].partition("</table")[0]
    assert vera.get("/account/history?before=x").status_code == 200
    assert vera.get(f"/account/history?before={10**30}").status_code == 200
    user = User.named("vera")
    assert user
    assert history.of_account(user.id, since=now() - timedelta(days=1), limit=500)[1] is False
    db.session.rollback()
