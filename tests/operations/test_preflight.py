"""What Streamzy refuses to serve with: each refusal names its setting, and gunicorn ends instead of trying again."""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import column, delete, table, update

from app import create_app
from app.encryption.data_key import DataKey
from app.encryption.keyring import key_id_of
from app.extensions import db
from app.operations import preflight
from config import Settings
from tests.postgres import on_both_databases
from tests.streamzy_server import BIN, ROOT, StreamzyServer

Refusals = Callable[..., list[str]]
VERSION = table("alembic_version", column("version_num"))
PRODUCTION = {
    "FLASK_ENV": "production",
    "SESSION_COOKIE_SECURE": "true",
    "BCRYPT_ROUNDS": "12",
    "SECURITY_CONTACT": "security@example.org",
    "PUBLIC_URL": "https://chat.example.org",
    "TRUSTED_PROXIES": "1",
}


@pytest.fixture
def refusals(app: Flask, environment: dict[str, str]) -> Refusals:
    """What an app on the same database refuses with other settings."""

    def with_settings(**settings: str) -> list[str]:
        other = create_app(Settings.from_environment(environment | settings))
        try:
            return preflight.refusals(other)
        finally:
            with other.app_context():
                db.engine.dispose()

    return with_settings


@on_both_databases
def test_an_instance_that_is_set_up_may_serve(app: Flask, refusals: Refusals) -> None:
    assert preflight.refusals(app) == []
    assert refusals(**PRODUCTION) == []


@pytest.mark.parametrize(
    ("secret_key", "says"),
    [
        ("", "is not set"),
        ("0123456789abcdef0123456789abcde", "too short"),
        ("change-me-please-0123456789-abcdefgh", "placeholder"),
        ("your-secret-key-here-0123456789abcdef", "placeholder"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "placeholder"),
    ],
)
def test_a_secret_key_that_can_be_guessed_is_refused(refusals: Refusals, secret_key: str, says: str) -> None:
    [refusal] = refusals(SECRET_KEY=secret_key)
    assert refusal.startswith("SECRET_KEY") and says in refusal
    assert not secret_key or secret_key not in refusal


def test_encryption_keys_that_cannot_be_used_are_refused_without_showing_them(
    refusals: Refusals, keys: dict[str, str]
) -> None:
    good = keys["ENCRYPTION_KEY"]
    for given, says in (("", "is not set"), ("nonsense", "not a Fernet key"), (f"{good},{good}", "twice")):
        refused = refusals(ENCRYPTION_KEY=given)
        assert says in refused[0] and all(refusal.startswith("ENCRYPTION_KEY") for refusal in refused)
        assert good not in "".join(refused) and "nonsense" not in "".join(refused)


@on_both_databases
def test_a_master_key_that_is_still_needed_is_named(refusals: Refusals, keys: dict[str, str]) -> None:
    new = Fernet.generate_key().decode()
    [refusal] = refusals(ENCRYPTION_KEY=new)
    assert str(key_id_of(keys["ENCRYPTION_KEY"])) in refusal and "is missing" in refusal
    assert refusals(ENCRYPTION_KEY=f"{new},{keys['ENCRYPTION_KEY']}") == []


def test_a_key_that_does_not_open_its_data_keys_is_refused(refusals: Refusals) -> None:
    db.session.execute(update(DataKey).values(wrapped=Fernet(Fernet.generate_key()).encrypt(b"x").decode()))
    db.session.commit()
    [refusal] = refusals()
    assert "does not open what it sealed" in refusal


def test_missing_data_keys_of_the_instance_are_refused(refusals: Refusals) -> None:
    db.session.execute(delete(DataKey).where(DataKey.purpose == "audit"))
    db.session.commit()
    [refusal] = refusals()
    assert "data keys are missing (audit)" in refusal


@on_both_databases
def test_a_schema_that_is_not_this_versions_is_refused(refusals: Refusals) -> None:
    db.session.execute(update(VERSION).values(version_num="9999"))
    db.session.commit()
    [refusal] = refusals()
    assert "newer Streamzy" in refusal
    db.session.execute(delete(VERSION))
    db.session.commit()
    [refusal] = refusals()
    assert "run `flask setup`" in refusal


def test_no_database_is_refused_and_none_is_made(refusals: Refusals, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.db"
    [refusal] = refusals(DATABASE_URL=f"sqlite:///{nowhere}")
    assert "there is no database yet" in refusal
    assert not nowhere.exists()


def test_a_database_that_does_not_answer_is_refused_without_its_password(refusals: Refusals) -> None:
    [refusal] = refusals(DATABASE_URL="postgresql://keeper:hunter2hunter2@127.0.0.1:1/streamzy")
    assert refusal.startswith("DATABASE_URL: the database does not answer")
    assert "hunter2" not in refusal


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSION_COOKIE_SECURE", "false"),
        ("BCRYPT_ROUNDS", "11"),
        ("LOCKOUT_FAILURES", "6"),
        ("LOCKOUT_MINUTES", "14"),
    ],
)
def test_production_refuses_what_development_allows(refusals: Refusals, name: str, value: str) -> None:
    [refusal] = refusals(**{**PRODUCTION, name: value})
    assert refusal.startswith(name)
    assert refusals(**{name: value}) == []


def test_debug_mode_never_serves_in_production() -> None:
    settings = Settings(flask_env="production", flask_debug=True, session_cookie_secure=True)
    assert any(problem.startswith("FLASK_DEBUG") for problem in preflight.production_problems(settings))


def test_warnings_name_what_is_misspelt_open_or_missing(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("RATELIMIT_LOGIM=3 per minute\n")
    env_file.chmod(0o644)
    monkeypatch.setenv("ENV_FILE", str(env_file))
    asked = {**PRODUCTION, "SECURITY_CONTACT": "", "TRUSTED_PROXIES": "0"}
    said = "\n".join(preflight.warnings(create_app(Settings.from_environment(environment | asked))))
    for name in ("RATELIMIT_LOGIM", "SECURITY_CONTACT", "TRUSTED_PROXIES", "chmod 600"):
        assert name in said
    env_file.write_text("")
    env_file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert preflight.warnings(create_app(Settings.from_environment(environment | PRODUCTION))) == []


# --- gunicorn -------------------------------------------------------------------------------------------------------


def serve(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start gunicorn where it must refuse; it ends by itself."""
    command = [str(BIN / "gunicorn"), "-c", "app/operations/gunicorn_settings.py", "wsgi:app"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30)


def test_gunicorn_ends_with_every_reason_instead_of_trying_again(tmp_path: Path) -> None:
    server = StreamzyServer(tmp_path)
    done = serve(server.environment)
    assert done.returncode == 3
    for name in ("SECRET_KEY", "ENCRYPTION_KEY", "DATABASE_URL"):
        assert len(re.findall(f"^{name}", done.stderr, re.MULTILINE)) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "serves" not in done.stdout


def test_gunicorn_names_settings_that_are_wrong(tmp_path: Path) -> None:
    done = serve(StreamzyServer(tmp_path, PORT="no port", BCRYPT_ROUNDS="99").environment)
    assert done.returncode == 2
    assert "PORT must be" in done.stderr and "BCRYPT_ROUNDS must be" in done.stderr
    assert "Traceback" not in done.stderr
