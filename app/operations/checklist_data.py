"""The checklist's boxes that the database answers."""

from __future__ import annotations

from itertools import islice

from sqlalchemy import select

from app import sqlite
from app.audit import chain
from app.auth import two_factor
from app.auth.user import User
from app.extensions import db
from app.operations import preflight
from app.operations.checklist import Checklist, Finding, unwell, well
from config import Settings

data_boxes = Checklist()
box = data_boxes.box

FIND_THE_COPY = "Put the copy that was kept into ENCRYPTION_KEY; `flask keys status` shows which is missing."


@box("database")
def database(settings: Settings) -> Finding:
    """It answers."""
    problem = preflight.database_problem(settings)
    return unwell(f"{problem}.", "Correct DATABASE_URL, or run `flask setup`.") if problem else well("It answers.")


@box("ENCRYPTION_KEY")
def encryption_key(_settings: Settings) -> Finding:
    """Every master key that is needed is there, and opens what it sealed."""
    problems = preflight.key_problems()
    if problems:
        return unwell("; ".join(problem.removeprefix("ENCRYPTION_KEY: ") for problem in problems) + ".", FIND_THE_COPY)
    return well("Every key that is needed is there.")


@box("migrations", needs="database")
def migrations(_settings: Settings) -> Finding:
    """The schema is this version's."""
    problem = preflight.migrations_problem()
    return unwell(f"{problem}.", "flask setup") if problem else well("The schema is this version's.")


@box("data keys", needs="schema")
def data_keys(_settings: Settings) -> Finding:
    """The instance's own keys are there."""
    problem = preflight.instance_keys_problem()
    return unwell(f"{problem}.", "flask setup") if problem else well("The instance's own keys are there.")


@box("SQLite's journal", needs="database")
def journal(settings: Settings) -> Finding:
    """In WAL mode readers and the writer do not stop each other. A network file system cannot do it."""
    path = preflight.sqlite_path(settings)
    if path is None:
        return well("The database is not SQLite.")
    if sqlite.journal_mode(str(path)) == "wal":
        return well("It is in WAL mode.")
    return unwell("The database is not in WAL mode.", "Keep the file on a local disk, and start Streamzy once.")


@box("audit log", needs="schema")
def audit_log(_settings: Settings) -> Finding:
    """The record is what was written."""
    problems = list(islice(chain.problems(), 4))
    if problems:
        more = "; and more" if len(problems) > 3 else ""
        return unwell(
            f"{'; '.join(problems[:3])}{more}.", "Find out who could write to the database: flask audit verify"
        )
    return well(f"All {chain.length()} events are what was written.")


@box("admin", fails="in production", needs="schema")
def admin(_settings: Settings) -> Finding:
    """Somebody decides here, with a password that was never on a terminal."""
    admins = db.session.scalars(select(User).where(User.role == "admin", User.disabled_at.is_(None))).all()
    if not admins:
        return unwell("There is no admin who can sign in.", "flask users make-admin NAME")
    waiting = [one.username for one in admins if one.must_change_password]
    if waiting:
        return unwell(f"{', '.join(waiting)} still has the generated password.", "Sign in, and choose one.")
    return well(f"{len(admins)} who chose their own password.")


@box("admins' second factor", fails="never", needs="schema")
def admins_second_factor(settings: Settings) -> Finding:
    """Whoever learns an admin's password decides in that admin's name."""
    admins = db.session.scalars(select(User).where(User.role == "admin", User.disabled_at.is_(None))).all()
    without = [one.username for one in admins if not two_factor.is_on(one.id)]
    if without:
        return unwell(
            f"{', '.join(without)} signs in with a password alone.",
            "They see nothing else before they have one: REQUIRE_ADMIN_TWO_FACTOR=true."
            if settings.require_admin_two_factor
            else "Set one up at /account/two-factor, and REQUIRE_ADMIN_TWO_FACTOR=true to make it a must.",
        )
    must = "and must have one" if settings.require_admin_two_factor else "though none has to"
    return well(f"Every admin has one, {must}.")
