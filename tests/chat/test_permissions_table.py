"""Who may do what to whom: every cell of the table, asked of the policy, over the socket, and over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.audit.event import AuditEvent
from app.auth.user import User
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.policy import LEAST, ON_PEOPLE, STANDINGS, may
from app.channels.sanction import Sanction
from app.extensions import db
from tests.chat.cast import Cast, assemble
from tests.chat.stage import Stage, refusal
from tests.people import People, Person

# Written out, so that a slip in the policy is not repeated here: who may act on whom.
ABOVE = {
    "viewer": set(),
    "member": set(),
    "moderator": {"viewer", "member"},
    "streamer": {"viewer", "member", "moderator"},
    "admin": {"viewer", "member", "moderator", "streamer"},
}
ACTORS = {"viewer": "viewer1", "member": "member1", "moderator": "moderator1", "streamer": "keeper", "admin": "admin1"}
# For each standing somebody else of the same: nobody acts on their equals either.
OTHERS = {"viewer": "viewer2", "member": "member2", "moderator": "moderator2", "streamer": "keeper", "admin": "admin2"}
CAST = ("viewer1", "viewer2", "member1", "member2", "moderator1", "moderator2", "admin1", "admin2", "outsider")
ON_A_PERSON = ("delete", "timeout", "ban", "unban")
ON_THE_CHANNEL: dict[str, dict[str, Any]] = {"clear": {}, "slow": {"seconds": 3}, "members_only": {"on": True}}


def allowed(actor: str, target: str, *, oneself: bool) -> bool:
    """What the table above says; one's own old message goes by one's power, not by one's height."""
    return not oneself and target in ABOVE[actor]


def test_the_policy_is_that_table() -> None:
    assert STANDINGS == ("viewer", "moderator", "streamer", "admin")
    for act in LEAST:
        for actor in STANDINGS:
            powerful = STANDINGS.index(actor) >= STANDINGS.index(LEAST[act])
            assert may(act, actor) is powerful, (act, actor)
            for target in STANDINGS:
                expected = powerful and target in ABOVE[actor]
                assert may(act, actor, target) is expected, (act, actor, target)
            if act in ON_PEOPLE:
                assert not may(act, actor, actor, oneself=True), (act, actor)
    assert {act for act, least in LEAST.items() if least == "streamer"} == {
        "settings",
        "make_moderator",
        "unmake_moderator",
    }
    assert all(may("delete", actor, actor, oneself=True, fresh=True) for actor in STANDINGS)
    assert [may("delete", actor, actor, oneself=True) for actor in STANDINGS] == [False, True, True, True]
    with pytest.raises(KeyError):
        may("sudo", "admin")


@pytest.fixture
def cast(stage: Stage) -> Cast:
    """A public channel with two of everybody."""
    return assemble(stage, *CAST)


def ask(cast: Cast, actor: str, act: str, target: str) -> dict[str, Any]:
    """Let ``actor`` try ``act`` on ``target``, where there is something to do; nothing of it is left afterwards."""
    what: dict[str, Any] = {"username": target}
    if act == "delete":
        what = {"id": cast.old_message(target)}
    elif act == "timeout":
        what["seconds"] = 60
    elif act == "unban":
        with cast.stage.backstage.open():
            channel, account = cast.backstage_channel(), cast.stage.backstage.account(cast.name(target))
            Sanction.impose(channel.id, account, account, until=None, reason="")
            db.session.commit()
    answer = cast.moderate(actor, act, **what)
    if act != "delete":
        cast.pardon()
    return answer


@pytest.mark.parametrize("act", ON_A_PERSON)
def test_over_the_socket_each_acts_on_those_below_and_on_nobody_else(cast: Cast, act: str) -> None:
    wrong, refused = [], 0
    for actor, who in ACTORS.items():
        for target, whom in [*OTHERS.items(), (actor, who)]:
            oneself = who == whom
            expected = allowed(actor, target, oneself=oneself)
            if act == "delete" and oneself:
                expected = actor in ("moderator", "streamer", "admin")
            answer = ask(cast, who, act, whom)
            refused += not expected
            if answer["ok"] is not expected or not (expected or refusal(answer) == "forbidden"):
                wrong.append((actor, act, target, "oneself" if oneself else "another", answer))
    assert not wrong
    attempts = [event for name in cast.people for event in cast.events("moderation.refused", name)]
    assert len(attempts) == refused, "each refused attempt is on record, and nothing else"
    assert {event.details["act"] for event in attempts} == {act}


def test_over_the_socket_the_modes_are_the_moderators_and_those_above(cast: Cast) -> None:
    for act, what in ON_THE_CHANNEL.items():
        for actor, who in ACTORS.items():
            answer = cast.moderate(who, act, **what)
            if actor in ("moderator", "streamer", "admin"):
                assert answer["ok"], (actor, act, answer)
            else:
                assert refusal(answer) == "forbidden", (actor, act)
    assert len(cast.events("moderation.refused")) == 2 * len(ON_THE_CHANNEL)


def test_an_outsider_and_a_visitor_find_nothing_to_moderate(stage: Stage) -> None:
    cast = assemble(stage, "viewer1", "outsider", "admin1", access="private")
    message = cast.say("keeper", "among us")["id"]
    acts: dict[str, dict[str, Any]] = {
        "delete": {"id": message},
        "timeout": {"username": cast.name("viewer1"), "seconds": 60},
        "ban": {"username": cast.name("viewer1")},
        "unban": {"username": cast.name("viewer1")},
        **ON_THE_CHANNEL,
    }
    visitor = stage.visitor().socket()
    for act, what in acts.items():
        for who in ("outsider", "admin1"):
            assert refusal(cast.moderate(who, act, **what)) == "not_found", (who, act)
        assert refusal(visitor.call("moderate", {"channel": cast.channel, "action": act, **what})) == "not_signed_in"
    with stage.backstage.open():
        assert Sanction.listed(stage.backstage.channel(cast.channel).id, past=True) == []
    assert [message["text"] for message in cast.socket("keeper").join(cast.channel)["messages"]] == ["among us"]


def test_who_is_held_back_moderates_nothing_meanwhile(cast: Cast) -> None:
    cast.done("keeper", "timeout", username="moderator1", seconds=60)
    assert refusal(cast.moderate("moderator1", "ban", username="viewer1")) == "forbidden"
    assert refusal(cast.moderate("moderator1", "unban", username="moderator1")) == "forbidden", "not even for oneself"
    cast.done("keeper", "unban", username="moderator1")
    cast.done("moderator1", "ban", username="viewer1")


# --- over HTTP --------------------------------------------------------------------------------------------------------

HTTP_ACTS: dict[str, tuple[str, dict[str, str]]] = {
    # act: the path below /settings, and the form
    "timeout": ("/bans", {"seconds": "600"}),
    "ban": ("/bans", {"seconds": ""}),
    "unban": ("/bans/lift", {}),
    "add_member": ("/members", {}),
    "remove_member": ("/members/remove", {}),
    "make_moderator": ("/moderators", {}),
    "unmake_moderator": ("/moderators/remove", {}),
}
CHANNEL_FORMS: dict[str, dict[str, str]] = {
    "": {"title": "Stella's", "slow_mode": "5"},
    "/live": {"state": "live"},
    "/password": {"password": "pizza-every-friday"},
    "/clear": {"sure": "y"},
    "/delete": {"slug": "stella"},
    "/transcript": {"format": "csv"},
}


@pytest.fixture
def house(app: Flask, people: People) -> dict[str, Person]:
    """stella's channel, and somebody of each standing, signed in."""
    found = {"streamer": people.streamer("stella"), "admin": people.admin("ada"), "visitor": people.visitor()}
    found |= {name: people.viewer(name) for name in ("vera", "milo", "mona")}
    for name, role in (("otto", None), ("mike", "moderator"), ("anna", "admin")):
        people.account(name, role="admin" if role == "admin" else "viewer")
        seat(name, role if role == "moderator" else None)
    seat("milo", "member")
    seat("mona", "moderator")
    return found


def seat(name: str, role: str | None) -> None:
    """Give an account its place in stella's channel again, or none; and no sanction."""
    channel, account = db.session.scalars(db.select(Channel)).one(), User.named(name)
    assert account is not None
    db.session.execute(db.delete(Sanction))
    db.session.execute(db.delete(Membership).where(Membership.account_id == account.id))
    if role:
        db.session.add(Membership(channel_id=channel.id, account_id=account.id, role=role))
    db.session.commit()


def refused_so_far() -> int:
    """How many refused attempts are on record."""
    return db.session.query(AuditEvent).filter_by(event="moderation.refused").count()


@pytest.mark.parametrize("act", HTTP_ACTS)
def test_over_http_streamer_and_admin_act_on_those_below(house: dict[str, Person], act: str) -> None:
    path, fields = HTTP_ACTS[act]
    targets = {"viewer": "otto", "moderator": "mike", "streamer": "stella", "admin": "anna"}
    for actor in ("streamer", "admin"):
        oneself = {"streamer": "stella", "admin": "ada"}[actor]
        for target, name in [*targets.items(), (actor, oneself)]:
            if name in ("otto", "mike"):
                seat(name, "moderator" if name == "mike" else None)
            before = refused_so_far()
            answer = house[actor].post(f"/c/stella/settings{path}", username=name, **fields)
            if allowed(actor, target, oneself=name == oneself):
                assert answer.status_code in (303, 400), (actor, act, target, answer.status)
                assert refused_so_far() == before
            else:
                assert answer.status_code == 403, (actor, act, target, answer.status)
                assert refused_so_far() == before + 1, (actor, act, target)
    assert not db.session.scalar(db.select(Sanction.id).where(Sanction.account_id == User.named("anna").id))  # type: ignore[union-attr]


@pytest.mark.parametrize("path", [*CHANNEL_FORMS, *sorted({path for path, _ in HTTP_ACTS.values()})])
def test_over_http_nobody_else_changes_anything(house: dict[str, Person], path: str) -> None:
    fields = CHANNEL_FORMS.get(path, {"username": "otto"})
    address = f"/c/stella/settings{path}"
    assert house["visitor"].post(address, on="/login", **fields).status_code == 302
    for who in ("vera", "milo", "mona"):  # a viewer, a member, and a moderator, whose place is the chat
        before = refused_so_far()
        assert house[who].post(address, **fields).status_code == 403, who
        assert refused_so_far() == before + 1, who
        assert house[who].get("/c/stella/settings").status_code == 403, who
    channel = db.session.scalars(db.select(Channel)).one()
    assert (channel.title, channel.slow_mode_seconds, channel.live_since) == ("stella live", 0, None)
    assert channel.password_hash is None
    assert db.session.query(Sanction).count() == 0


def test_over_http_a_private_channel_has_no_settings_for_strangers(house: dict[str, Person]) -> None:
    channel = db.session.scalars(db.select(Channel)).one()
    channel.access = "private"
    db.session.commit()
    nowhere = house["vera"].get("/c/nowhere/settings")
    assert house["vera"].get("/c/stella/settings").status_code == nowhere.status_code == 404
    assert house["vera"].post("/c/stella/settings/live", state="live").status_code == 404
    assert house["milo"].get("/c/stella/settings").status_code == 403, "a member knows that it is there"
    assert house["admin"].get("/c/stella/settings").status_code == 200, "an admin sets it up, and does not read it"
    assert house["admin"].get("/c/stella").status_code == 404
