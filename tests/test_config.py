"""Settings: read once, typed, and a wrong one names itself and never shows a secret."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from dotenv import dotenv_values

import config
from app.encryption.keyring import key_id_of
from app.operations.preflight import secret_key_problem
from config import READERS, ROOT, Settings, SettingsError, unknown_settings

NAMES = {field.name.upper() for field in fields(Settings)}
EXAMPLE = ROOT / ".env.example"


def test_nothing_given_means_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().session_lifetime_minutes == 120
    assert Settings().sqlite and not Settings().production


def test_empty_means_absent() -> None:
    assert Settings.from_environment(dict.fromkeys(NAMES, " ")) == Settings()


def test_every_setting_has_a_reader() -> None:
    assert {name.upper() for name in READERS} == NAMES


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("PORT", "8080", 8080),
        ("SESSION_COOKIE_SECURE", "TRUE", True),
        ("SESSION_COOKIE_SECURE", "off", False),
        ("FLASK_DEBUG", "1", True),
        ("ENCRYPTION_KEY", "new , old,", ("new", "old")),
        ("DATABASE_URL", "postgres://u:p@h/db", "postgresql+psycopg://u:p@h/db"),
        ("DATABASE_URL", "postgresql://u:p@h/db", "postgresql+psycopg://u:p@h/db"),
        ("DATABASE_URL", "sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
        ("PUBLIC_URL", "https://chat.example.org/", "https://chat.example.org"),
        ("RATELIMIT_LOGIN", "3 per minute;10 per hour", "3 per minute;10 per hour"),
    ],
)
def test_a_good_value_is_read_with_its_type(name: str, value: str, read: object) -> None:
    assert getattr(Settings.from_environment({name: value}), name.lower()) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "5000.0"),
        ("PORT", "٥٠٠٠٠٠٠٠٠٠"),
        ("BCRYPT_ROUNDS", "3"),
        ("BCRYPT_ROUNDS", "twelve"),
        ("LOCKOUT_FAILURES", "0"),
        ("FLASK_DEBUG", "maybe"),
        ("FLASK_ENV", "prod"),
        ("REGISTRATION", "invite"),
        ("DATABASE_URL", "mysql://u:hunter2@h/db"),
        ("REDIS_URL", "http://h"),
        ("WORKERS", "65"),
        ("PUBLIC_URL", "chat.example.org"),
        ("PUBLIC_URL", "https://chat.example.org/chat"),
        ("PUBLIC_URL", "ftp://chat.example.org"),
        ("TRUSTED_PROXIES", "9"),
        *[(field.name.upper(), "often") for field in fields(Settings) if field.name.startswith("ratelimit_")],
    ],
)
def test_a_bad_value_names_its_setting_and_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: value})
    assert str(refused.value).startswith(f"{name} must")
    assert "hunter2" not in str(refused.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"PORT": "x", "WORKERS": "0", "FLASK_ENV": "production", "FLASK_DEBUG": "true"})
    assert re.findall(r"^[A-Z_]+", str(refused.value), re.MULTILINE) == ["WORKERS", "PORT", "FLASK_DEBUG"]


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(SettingsError, match="ACTIVITY_TIMEOUT_MINUTES"):
        Settings.from_environment({"SESSION_LIFETIME_MINUTES": "10", "ACTIVITY_TIMEOUT_MINUTES": "11"})


def test_several_workers_need_redis() -> None:
    with pytest.raises(SettingsError, match="WORKERS above 1 needs REDIS_URL"):
        Settings.from_environment({"WORKERS": "2"})
    assert Settings.from_environment({"WORKERS": "2", "REDIS_URL": "rediss://redis.example.org:6380/1"}).workers == 2
    assert Settings.from_environment({"REDIS_URL": "unix:///run/redis/socket"}).workers == 1, "one may use it as well"


def test_settings_in_a_traceback_show_no_key() -> None:
    shown = repr(Settings(secret_key="swordfish", encryption_key=("tuna",)))
    assert "swordfish" not in shown and "tuna" not in shown


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("PORT=7001\nHOST=0.0.0.0\n")
    monkeypatch.setenv("ENV_FILE", str(file))
    monkeypatch.setenv("PORT", "7002")
    monkeypatch.delenv("HOST", raising=False)
    settings = Settings.from_environment()
    assert (settings.port, settings.host) == (7002, "0.0.0.0")  # noqa: S104 - a value that is read, not an address listened on
    assert config.env_file() == file


def test_names_that_look_like_ours_and_are_not_are_found() -> None:
    given = {"RATELIMIT_LOGIM": "1", "SESION_LIFETIME": "1", "MAIL_SERVR": "x", "HOME": "/root", "PORT": "1"}
    assert unknown_settings(given) == ["MAIL_SERVR", "RATELIMIT_LOGIM"]
    assert not unknown_settings(dict.fromkeys(NAMES, ""))


# --- .env.example ---------------------------------------------------------------------------------------------------


def test_the_example_lists_every_setting_and_no_other() -> None:
    listed = re.findall(r"^#?([A-Z][A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(NAMES)


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    copy = tmp_path / "all"
    copy.write_text(re.sub(r"^#([A-Z][A-Z_]+=)", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE))
    values = {name: value or "" for name, value in dotenv_values(copy).items()}
    assert Settings.from_environment(values) == Settings()


def test_a_copied_example_holds_no_key_and_changes_nothing() -> None:
    values = {name: value or "" for name, value in dotenv_values(EXAMPLE).items()}
    assert values == {"SECRET_KEY": "", "ENCRYPTION_KEY": ""}


def test_the_examples_commands_make_good_keys() -> None:
    programs = re.findall(r"python3 -c '(.+)'$", EXAMPLE.read_text(), re.MULTILINE)
    secret, encryption = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        for program in programs
    )
    assert not secret_key_problem(Settings(secret_key=secret))
    assert key_id_of(encryption)
