"""Every setting Streamzy reads: typed, checked once, and named when it is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from limits import parse_many

ROOT = Path(__file__).resolve().parent
DEFAULT_DATABASE = f"sqlite:///{ROOT / 'instance' / 'streamzy.db'}"

# Names that look like ours and are not read are probably misspelt: they are warned about.
OUR_PREFIXES = (
    "RATELIMIT_",
    "SESSION_",
    "ACTIVITY_",
    "LOCKOUT_",
    "REQUIRE_",
    "MAX_CONNECTIONS_",
    "MAIL_",
    "METRICS_",
    "BCRYPT_",
    "PASSWORD_",
    "TRANSPORT",
    "MESSAGE_RETENTION_",
    "AUDIT_RETENTION_",
    "STREAM_",
    "APPLICATION_",
)


class SettingsError(Exception):
    """One or more settings are wrong; the message has one line a setting, and never a secret's value."""


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in known:
        raise ValueError("must be true or false")
    return known[value.lower()]


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return read


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of: {', '.join(choices)}")
        return value

    return read


def _rate(value: str) -> str:
    try:
        parse_many(value)
    except ValueError:
        raise ValueError('must be a limit such as "10 per 5 minutes"') from None
    return value


def _keys(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _stream_hosts(value: str) -> tuple[str, ...]:
    if value.lower() == "none":
        return ()
    hosts = _keys(value.lower())
    shape = r"youtube|twitch|vimeo|(peertube|owncast):[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9]\d{0,4})?"
    if not all(re.fullmatch(shape, host) for host in hosts):
        raise ValueError("must be none, or some of youtube, twitch, vimeo, peertube:HOST, owncast:HOST")
    return hosts


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be an address such as https://chat.example.org, without a path")
    return value.rstrip("/")


def _host_name(value: str) -> str:
    if not re.fullmatch(r"[\w.:-]+", value):
        raise ValueError("must be the name or the address of a machine")
    return value


def _sender(value: str) -> str:
    if not re.fullmatch(r"([^<>@\x00-\x1f\x7f]+ <)?[^\s<>@,]+@[^\s<>@,]+(?(1)>)", value):
        raise ValueError("must be an address such as chat@example.org or Streamzy <chat@example.org>")
    return value


def _database(value: str) -> str:
    # Hosting companies hand out postgres://; the driver we ship is psycopg 3.
    value = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", value)
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return value


def _redis(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return value


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one running Streamzy. Field names are the environment's, in lower case."""

    secret_key: str = ""
    encryption_key: tuple[str, ...] = ()
    database_url: str = DEFAULT_DATABASE
    redis_url: str = ""
    workers: int = 1
    transport: str = "fast"
    host: str = "127.0.0.1"
    port: int = 5000
    public_url: str = ""
    trusted_proxies: int = 0
    flask_env: str = "development"
    flask_debug: bool = False
    session_cookie_secure: bool = False
    session_lifetime_minutes: int = 120
    activity_timeout_minutes: int = 30
    bcrypt_rounds: int = 12
    password_min_length: int = 12
    lockout_failures: int = 5
    lockout_minutes: int = 15
    require_admin_two_factor: bool = False
    ratelimit_login: str = "10 per 5 minutes"
    ratelimit_applications: str = "5 per 5 minutes"
    ratelimit_address_checks: str = "60 per minute"
    ratelimit_messages: str = "30 per minute"
    ratelimit_registration: str = "10 per hour"
    ratelimit_handshakes: str = "600 per minute"
    ratelimit_joins: str = "600 per minute"
    ratelimit_history: str = "240 per minute"
    ratelimit_moderation: str = "120 per minute"
    ratelimit_channel_passwords: str = "10 per 5 minutes"
    ratelimit_reveals: str = "10 per 5 minutes"
    ratelimit_passwords: str = "10 per 5 minutes"
    ratelimit_exports: str = "5 per hour"
    ratelimit_letters: str = "3 per day"
    ratelimit_pages: str = "3000 per minute"
    max_connections_per_address: int = 0
    max_connections_per_account: int = 0
    registration: str = "open"
    stream_hosts: tuple[str, ...] = ("youtube", "twitch", "vimeo")
    message_retention_days: int = 0
    application_retention_days: int = 90
    mail_server: str = ""
    mail_port: int = 587
    mail_use_tls: bool = True
    mail_username: str = ""
    mail_password: str = ""
    mail_default_sender: str = ""
    metrics_token: str = ""
    security_contact: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read ``environ`` (default: the process's, over the ``.env`` file that ENV_FILE names).

        Raises SettingsError naming every setting that is wrong.
        """
        values = environment_over_file() if environ is None else dict(environ)
        read: dict[str, Any] = {}
        wrong: list[str] = []
        for field in fields(cls):
            name = field.name.upper()
            given = values.get(name, "").strip()
            if not given:
                continue  # absent and empty both mean the default: `NAME=` in a .env is how people say "none"
            try:
                read[field.name] = READERS[field.name](given)
            except ValueError as error:
                wrong.append(f"{name} {error}")
        settings = cls(**read)
        wrong += settings._contradictions()
        if wrong:
            raise SettingsError("\n".join(wrong))
        return settings

    def _contradictions(self) -> list[str]:
        found = []
        if self.workers > 1 and not self.redis_url:
            found.append(
                "WORKERS above 1 needs REDIS_URL: through Redis the workers hear each other and count together"
            )
        if self.production and self.flask_debug:
            found.append("FLASK_DEBUG must be off when FLASK_ENV is production")
        if self.activity_timeout_minutes > self.session_lifetime_minutes:
            found.append("ACTIVITY_TIMEOUT_MINUTES must not be longer than SESSION_LIFETIME_MINUTES")
        if self.mail_server:
            found += self._mail_contradictions()
        return found

    def _mail_contradictions(self) -> list[str]:
        found = []
        if self.production and not self.public_url:
            found.append("PUBLIC_URL must be set where MAIL_SERVER is: the links in letters begin with it")
        if self.production and not self.mail_default_sender:
            found.append("MAIL_DEFAULT_SENDER must be set where MAIL_SERVER is")
        if self.mail_username and not self.mail_use_tls:
            found.append("MAIL_USE_TLS must be on where MAIL_USERNAME is set: the password would travel in clear")
        return found

    @property
    def own_address(self) -> str:
        """What links in letters begin with: never what a request says of itself, for a stranger chooses that."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def mail_sender(self) -> str:
        """Whom letters come from."""
        return self.mail_default_sender or "streamzy@localhost"

    @property
    def production(self) -> bool:
        """Whether this is meant for other people: the checks of the deployment checklist then refuse to serve."""
        return self.flask_env == "production"

    @property
    def sqlite(self) -> bool:
        """Whether the database is a file of this machine."""
        return self.database_url.startswith("sqlite")

    def __repr__(self) -> str:  # a settings object in a traceback or a log must show no key
        return f"<Settings {self.flask_env}>"


READERS: dict[str, Callable[[str], Any]] = {
    "secret_key": _text,
    "encryption_key": _keys,
    "database_url": _database,
    "redis_url": _redis,
    "workers": _whole_number(1, 64),
    "transport": _one_of("fast", "stock"),
    "host": _text,
    "port": _whole_number(1, 65535),
    "public_url": _url,
    "trusted_proxies": _whole_number(0, 8),
    "flask_env": _one_of("development", "production"),
    "flask_debug": _flag,
    "session_cookie_secure": _flag,
    "session_lifetime_minutes": _whole_number(1, 43200),
    "activity_timeout_minutes": _whole_number(1, 43200),
    "bcrypt_rounds": _whole_number(4, 18),
    "password_min_length": _whole_number(8, 64),
    "lockout_failures": _whole_number(1, 100),
    "lockout_minutes": _whole_number(1, 1440),
    "require_admin_two_factor": _flag,
    "max_connections_per_address": _whole_number(0, 1_000_000),
    "max_connections_per_account": _whole_number(0, 1_000_000),
    "registration": _one_of("open", "closed"),
    "stream_hosts": _stream_hosts,
    "message_retention_days": _whole_number(0, 36500),
    "application_retention_days": _whole_number(0, 36500),
    "security_contact": _text,
    "mail_server": _host_name,
    "mail_port": _whole_number(1, 65535),
    "mail_use_tls": _flag,
    "mail_username": _text,
    "mail_password": _text,
    "mail_default_sender": _sender,
    "metrics_token": _text,
} | {field.name: _rate for field in fields(Settings) if field.name.startswith("ratelimit_")}


def env_file() -> Path:
    """The ``.env`` file in use: ENV_FILE, else the one beside this file."""
    return Path(os.environ.get("ENV_FILE") or ROOT / ".env")


def environment_over_file() -> dict[str, str]:
    """The process's environment over the ``.env`` file."""
    return {name: value for name, value in dotenv_values(env_file()).items() if value is not None} | dict(os.environ)


def unknown_settings(values: Mapping[str, str]) -> list[str]:
    """Names in ``values`` that look like settings of ours but are not read: worth a warning, never a stop."""
    known = {field.name.upper() for field in fields(Settings)}
    return sorted(name for name in values if name.startswith(OUR_PREFIXES) and name not in known)
