"""The doctor: every box of the checklist, well and unwell, and on machines where next to nothing is there."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app.audit.actor import Actor
from app.audit.event import AuditEvent, record
from app.auth.totp import Totp
from app.auth.user import User
from app.clock import now
from app.encryption.data_key import DataKey
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db
from app.operations import checklist_machine
from app.operations.checklist_settings import is_looser
from app.operations.doctor import CHECKLIST, Check, examine
from config import Settings
from tests.people import People
from tests.postgres import on_both_databases

FOR_PRODUCTION = {
    "flask_env": "production",
    "session_cookie_secure": True,
    "public_url": "https://chat.example.org",
    "trusted_proxies": 1,
    "bcrypt_rounds": 12,
    "security_contact": "security@example.org",
}
UNSEEN = {"copy of the key", "backups", "firewall", "TLS certificate", "updates"}
Examine = Callable[..., dict[str, Check]]


@pytest.fixture
def checked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """What the doctor finds on an instance made for production, but for the settings given; by name."""
    shipped = {name: getattr(Settings(), name) for name in vars(Settings()) if name.startswith("ratelimit_")}
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    def look(production: bool = True, **settings: Any) -> dict[str, Check]:
        asked = replace(app.config["STREAMZY"], **{**shipped, **FOR_PRODUCTION, **settings})
        monkeypatch.setitem(app.config, "STREAMZY", asked)
        return {check.name: check for check in examine(asked, production=production)}

    return look


@pytest.fixture
def admin(app: Flask, people: People) -> None:
    """An admin who chose a password, and has a second factor."""
    Totp.begin(people.account("ada", role="admin").id).confirmed_at = now()
    db.session.commit()


@pytest.fixture
def private_files(database_url: str) -> Path:
    """The SQLite file, as setup makes it."""
    path = Path(database_url.removeprefix("sqlite:///"))
    path.parent.chmod(0o700)
    for file in path.parent.glob("streamzy.db*"):
        file.chmod(0o600)
    return path


@pytest.mark.usefixtures("admin", "private_files")
def test_an_instance_made_for_production_passes_and_what_nobody_can_see_is_said(checked: Examine) -> None:
    found = checked()
    assert {name for name, check in found.items() if check.status == "unknown"} == UNSEEN
    assert {name: check.sentence for name, check in found.items() if check.status in ("warn", "fail")} == {}
    assert len(found) == len(CHECKLIST)


@on_both_databases
def test_both_databases_can_be_examined(checked: Examine, admin: None) -> None:
    found = checked()
    for name in ("database", "migrations", "ENCRYPTION_KEY", "data keys", "audit log", "admin", "SQLite's journal"):
        assert found[name].status == "pass", found[name]


SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("SECRET_KEY", {"secret_key": ""}),
    ("SECRET_KEY", {"secret_key": "change-me-change-me-change-me-now"}),
    ("debug mode", {"flask_debug": True}),
    ("secure cookies", {"session_cookie_secure": False}),
    ("public address", {"public_url": "http://chat.example.org"}),
    ("public address", {"public_url": ""}),
    ("proxies", {"trusted_proxies": 0}),
    ("password hashing", {"bcrypt_rounds": 11}),
    ("lockout", {"lockout_failures": 6}),
    ("lockout", {"lockout_minutes": 14}),
    ("session limits", {"session_lifetime_minutes": 121}),
    ("session limits", {"activity_timeout_minutes": 31}),
    ("security contact", {"security_contact": ""}),
    ("way to the database", {"database_url": "postgresql+psycopg://u:p@10.0.0.9/streamzy"}),
    ("way to the database", {"database_url": "postgresql+psycopg://u:p@10.0.0.9/streamzy?sslmode=prefer"}),
    *[("rate limits", {name: "100000 per minute"}) for name in vars(Settings()) if name.startswith("ratelimit_")],
]


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_a_setting_that_is_not_fit_for_production_fails_its_box(
    checked: Examine, name: str, settings: dict[str, Any]
) -> None:
    check = checked(**settings)[name]
    assert check.status == "fail", check
    assert check.hint


def test_without_production_the_same_only_warns_but_a_bad_secret_fails_everywhere(checked: Examine) -> None:
    found = checked(production=False, flask_env="development", secret_key="short", **{"bcrypt_rounds": 4})
    assert found["password hashing"].status == "warn"
    assert found["production mode"].status == "warn"
    assert found["SECRET_KEY"].status == "fail"
    assert checked(production=True, flask_env="development")["production mode"].status == "fail"


@pytest.mark.parametrize(
    ("given", "shipped", "looser"),
    [
        ("10 per 5 minutes", "10 per 5 minutes", False),
        ("2 per minute", "10 per 5 minutes", False),
        ("3 per minute", "10 per 5 minutes", True),
        ("10 per hour", "10 per 5 minutes", False),
        ("11 per hour", "10 per 5 minutes", True),
        ("3 per minute;10 per hour", "10 per 5 minutes", False),
        ("1 per second", "30 per minute", True),
    ],
)
def test_a_limit_is_looser_if_it_lets_more_through_in_the_shipped_window(
    given: str, shipped: str, looser: bool
) -> None:
    assert is_looser(given, shipped) is looser


def test_an_encrypted_way_to_another_machine_passes(checked: Examine) -> None:
    url = "postgresql+psycopg://u:p@10.0.0.9/streamzy?sslmode=verify-full"
    assert checked(database_url=url)["way to the database"].status == "pass"


def test_a_misspelt_setting_warns_and_never_fails(checked: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATELIMIT_LOGIM", "1 per hour")
    check = checked()["names of settings"]
    assert check.status == "warn" and "RATELIMIT_LOGIM" in check.sentence


# --- the machine ----------------------------------------------------------------------------------------------------


def test_an_env_file_that_others_can_read_fails(
    checked: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file = tmp_path / ".env"
    env_file.touch(0o600)
    monkeypatch.setenv("ENV_FILE", str(env_file))
    assert checked()[".env file"].status == "pass"
    env_file.chmod(0o640)
    check = checked(production=False, flask_env="development")[".env file"]
    assert check.status == "fail" and check.hint == f"chmod 600 {env_file}"


def test_database_files_that_others_can_read_or_replace_fail(checked: Examine, private_files: Path) -> None:
    assert checked()["database files"].status == "pass"
    private_files.chmod(0o644)
    assert str(private_files) in checked()["database files"].sentence
    private_files.chmod(0o600)
    private_files.parent.chmod(0o777)
    check = checked()["database files"]
    private_files.parent.chmod(0o700)
    assert check.status == "fail" and "chmod 700" in check.hint


def test_root_fails(checked: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert checked()["account"].status == "fail"


def test_packages_that_differ_from_the_lock_file_fail(
    checked: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = tmp_path / "requirements.txt"
    monkeypatch.setattr(checklist_machine, "LOCK_FILE", lock)
    assert checked()["packages"].status == "fail"
    lock.write_text(
        "flask==0.1 \\\n    --hash=sha256:00\nno-such-package==1.0\nabsent==9 ; sys_platform == 'win32'\n# not==1\n"
    )
    check = checked()["packages"]
    assert check.status == "fail"
    assert "flask is " in check.sentence and "no-such-package is missing" in check.sentence
    assert "absent" not in check.sentence and "not is" not in check.sentence


def test_a_missing_front_end_library_fails(checked: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checklist_machine, "SOCKET_IO", tmp_path / "static" / "vendor" / "socket.io.esm.min.js")
    assert checked()["front-end library"].status == "fail"


def test_redis_that_does_not_answer_fails(checked: Examine) -> None:
    assert checked(redis_url="redis://127.0.0.1:1")["Redis"].status == "fail"
    assert checked(redis_url="")["Redis"].status == "pass"


# --- the database ---------------------------------------------------------------------------------------------------


def test_a_changed_audit_log_fails(checked: Examine) -> None:
    for _ in range(5):
        record("logout", Actor("vera"))
    db.session.commit()
    assert checked()["audit log"].status == "pass"
    db.session.execute(update(AuditEvent).values(event="login.succeeded"))
    db.session.commit()
    check = checked()["audit log"]
    assert check.status == "fail"
    assert "row 1 was changed; row 2 was changed; row 3 was changed; and more" in check.sentence


def test_no_admin_or_one_with_the_generated_password_fails(checked: Examine, people: People) -> None:
    assert "no admin" in checked()["admin"].sentence
    people.account("ada", role="admin", must_change_password=True)
    check = checked()["admin"]
    assert check.status == "fail" and "ada still has the generated password" in check.sentence


def test_a_missing_data_key_fails(checked: Examine) -> None:
    db.session.execute(delete(DataKey).where(DataKey.purpose == "device"))
    db.session.commit()
    assert "device" in checked()["data keys"].sentence


def test_a_database_without_wal_fails(checked: Examine, database_url: str) -> None:
    db.session.remove()
    db.engine.dispose()
    path = Path(database_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    # Alone: connecting as Streamzy, as the others do, would switch it on again.
    [box] = [box for box in CHECKLIST if box.name == "SQLite's journal"]
    assert box.look(Settings(database_url=database_url)).ok is False
    assert checked()["SQLite's journal"].status == "pass"


def test_looking_leaves_this_process_its_locks_on_the_database(checked: Examine, database_url: str) -> None:
    """Else the next program to close the database takes its log away under a server that goes on committing."""
    checked()
    path = database_url.removeprefix("sqlite:///")
    leave = [sys.executable, "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version')"]
    subprocess.run([*leave, path], check=True)
    assert Path(f"{path}-wal").exists(), "it was not the last"


def test_an_old_schema_fails_and_what_cannot_be_looked_at_is_said(checked: Examine) -> None:
    db.session.connection().exec_driver_sql("DELETE FROM alembic_version")
    db.session.commit()
    found = checked()
    assert found["migrations"].status == "fail"
    assert found["admin"].status == "unknown" and "not set up" in found["admin"].sentence


def test_an_empty_database_is_no_traceback(checked: Examine, tmp_path: Path, app: Flask) -> None:
    found = checked(database_url=f"sqlite:///{tmp_path / 'nowhere.db'}")
    assert found["database"].status == "fail"
    assert {found[name].status for name in ("migrations", "audit log", "admin")} == {"unknown"}
    assert not (tmp_path / "nowhere.db").exists()


def test_without_keys_what_can_be_looked_at_is_looked_at(checked: Examine, app: Flask, admin: None) -> None:
    record("logout", Actor("vera"))
    db.session.commit()
    app.extensions["data_keys"] = EncryptionKeyError("ENCRYPTION_KEY is not set")
    found = checked(encryption_key=())
    assert found["ENCRYPTION_KEY"].status == "fail"
    assert found["audit log"].status == "unknown"
    assert found["admin"].status == "pass"


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_fails_in_production_and_says_what_to_do(app: Flask) -> None:
    run = app.test_cli_runner()
    result = run.invoke(args=["doctor", "--production"])
    assert result.exit_code == 1
    assert "fail    production mode: FLASK_ENV is development." in result.stdout
    assert "-> Set FLASK_ENV=production" in result.stdout
    found = json.loads(run.invoke(args=["doctor", "--production", "--json"]).stdout)
    assert found["ok"] is False
    assert {"name", "status", "sentence", "hint"} == set(found["checks"][0])


def test_the_command_passes_where_only_warnings_are_left(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["doctor", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ok"] is True


@pytest.mark.usefixtures("admin", "private_files")
def test_an_admin_with_a_password_alone_is_named_and_nothing_fails_for_it(checked: Examine, people: People) -> None:
    people.account("bea", role="admin")
    people.account("vera")
    box = checked()["admins' second factor"]
    assert (box.status, box.sentence) == ("warn", "bea signs in with a password alone.")
    assert "REQUIRE_ADMIN_TWO_FACTOR=true to make it a must" in box.hint
    assert "They see nothing else" in checked(require_admin_two_factor=True)["admins' second factor"].hint
    Totp.begin(db.session.scalars(select(User.id).where(User.username == "bea")).one()).confirmed_at = now()
    db.session.commit()
    assert checked(require_admin_two_factor=False)["admins' second factor"].sentence.endswith("though none has to.")
