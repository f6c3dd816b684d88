"""The checklist's boxes that the settings alone answer."""

from __future__ import annotations

import math
from dataclasses import fields

from limits import parse_many
from sqlalchemy import make_url

import config
from app.applications import postman
from app.operations.checklist import Checklist, Finding, unwell, well
from app.operations.preflight import FEWEST_ROUNDS, MOST_FAILURES, SHORTEST_LOCKOUT, secret_key_problem
from config import Settings

settings_boxes = Checklist()
box = settings_boxes.box

LONGEST_SESSION, LONGEST_SILENCE = 120, 30
RATE_LIMITS = [field for field in fields(Settings) if field.name.startswith("ratelimit_")]


@box("SECRET_KEY")
def secret_key(settings: Settings) -> Finding:
    """Long, and not one that stands in somebody's tutorial."""
    problem = secret_key_problem(settings)
    hint = "Make one: python3 -c 'import secrets; print(secrets.token_hex(32))'"
    return unwell(problem, hint) if problem else well("It is long, and no placeholder.")


@box("production mode", fails="in production")
def production_mode(settings: Settings) -> Finding:
    """FLASK_ENV decides whether this checklist's worst boxes refuse to serve."""
    if settings.production:
        return well("FLASK_ENV is production.")
    return unwell("FLASK_ENV is development.", "Set FLASK_ENV=production where other people are served.")


@box("debug mode", fails="in production")
def debug_mode(settings: Settings) -> Finding:
    """Debug pages show source and variables."""
    if settings.flask_debug:
        return unwell("FLASK_DEBUG is on: it shows source and variables to strangers.", "Set FLASK_DEBUG=false.")
    return well("FLASK_DEBUG is off.")


@box("secure cookies", fails="in production")
def secure_cookies(settings: Settings) -> Finding:
    """A session cookie over plain HTTP can be read on the way."""
    if settings.session_cookie_secure:
        return well("Browsers send the session cookie over HTTPS only.")
    return unwell("SESSION_COOKIE_SECURE is off: the session cookie also travels unencrypted.", "Set it to true.")


@box("public address", fails="in production")
def public_address(settings: Settings) -> Finding:
    """PUBLIC_URL is what links and the origin check are made of."""
    if settings.public_url.startswith("https://"):
        return well(f"People come to {settings.public_url}.")
    return unwell(
        "PUBLIC_URL is not an https address.", "Set it to the address people use, such as https://chat.example.org."
    )


@box("proxies", fails="in production")
def proxies(settings: Settings) -> Finding:
    """Who is believed about the visitor's address: limits by address hang on it."""
    if settings.trusted_proxies:
        return well(f"The last {settings.trusted_proxies} forwarded addresses are believed.")
    if not settings.public_url.startswith("https://"):
        return well("No forwarded address is believed, and PUBLIC_URL speaks of no proxy.")
    return unwell(
        "TRUSTED_PROXIES is 0, but PUBLIC_URL is https: every visitor shares the proxy's address and its limits.",
        "Set TRUSTED_PROXIES to the number of proxies in front, mostly 1.",
    )


@box("password hashing", fails="in production")
def password_hashing(settings: Settings) -> Finding:
    """What one guess costs whoever stole the database."""
    if settings.bcrypt_rounds >= FEWEST_ROUNDS:
        return well(f"bcrypt with {settings.bcrypt_rounds} rounds.")
    return unwell(f"BCRYPT_ROUNDS is {settings.bcrypt_rounds}.", f"Set it to {FEWEST_ROUNDS} or more.")


@box("lockout", fails="in production")
def lockout(settings: Settings) -> Finding:
    """What guessing at the sign-in costs."""
    failures, minutes = settings.lockout_failures, settings.lockout_minutes
    if failures <= MOST_FAILURES and minutes >= SHORTEST_LOCKOUT:
        return well(f"{failures} wrong passwords close an account for {minutes} minutes.")
    return unwell(
        f"LOCKOUT_FAILURES is {failures} and LOCKOUT_MINUTES {minutes}.",
        f"No more than {MOST_FAILURES} failures, and {SHORTEST_LOCKOUT} minutes or more.",
    )


@box("session limits", fails="in production")
def session_limits(settings: Settings) -> Finding:
    """How long a forgotten browser stays signed in."""
    lifetime, silence = settings.session_lifetime_minutes, settings.activity_timeout_minutes
    if lifetime <= LONGEST_SESSION and silence <= LONGEST_SILENCE:
        return well(f"A session ends {lifetime} minutes after its last request, {silence} after its person's last act.")
    return unwell(
        f"SESSION_LIFETIME_MINUTES is {lifetime} and ACTIVITY_TIMEOUT_MINUTES {silence}.",
        f"No more than {LONGEST_SESSION} and {LONGEST_SILENCE} is what SECURITY.md promises.",
    )


@box("rate limits", fails="in production")
def rate_limits(settings: Settings) -> Finding:
    """None looser than what is shipped."""
    looser = [
        f"{field.name.upper()} ({getattr(settings, field.name)}; shipped: {field.default})"
        for field in RATE_LIMITS
        if is_looser(getattr(settings, field.name), str(field.default))
    ]
    if looser:
        return unwell(f"Looser than shipped: {', '.join(looser)}.", "Remove these settings, or know why.")
    return well(f"All {len(RATE_LIMITS)} are at least as strict as shipped.")


def is_looser(given: str, shipped: str) -> bool:
    """Whether ``given`` lets more through, in any window of ``shipped``, than that does."""
    return any(
        # Sliding windows: this often does each of them fit into the shipped one, full every time.
        min(math.ceil(limit.get_expiry() / item.get_expiry()) * item.amount for item in parse_many(given))
        > limit.amount
        for limit in parse_many(shipped)
    )


@box("security contact", fails="in production")
def security_contact(settings: Settings) -> Finding:
    """Who is told of a hole."""
    if settings.security_contact:
        return well(f"/.well-known/security.txt names {settings.security_contact}.")
    return unwell("Whoever finds a hole does not know whom to tell.", "Set SECURITY_CONTACT to an address you read.")


@box("mail", fails="in production")
def mail(settings: Settings) -> Finding:
    """Whether letters to applicants would get as far as the mail server, read by nobody on the way."""
    if not settings.mail_server:
        return well("MAIL_SERVER is not set: nothing is mailed, and applicants have their private page.")
    place = f"{settings.mail_server}:{settings.mail_port}"
    try:
        postman.connected(settings, patience=5).close()
    except postman.TROUBLE as error:
        return unwell(
            f"The mail server {place} cannot be used: {postman.in_words(error)}.", "Look at the MAIL_ settings."
        )
    if settings.mail_use_tls:
        return well(f"The mail server {place} answers, over TLS.")
    if settings.mail_server in ("localhost", "127.0.0.1", "::1"):
        return well(f"The mail server {place} answers, on this machine.")
    return unwell(f"Private links travel to {place} in clear.", "Set MAIL_USE_TLS=true.")


@box("names of settings", fails="never")
def names_of_settings(_settings: Settings) -> Finding:
    """A misspelt limit is no limit."""
    unknown = config.unknown_settings(config.environment_over_file())
    if unknown:
        return unwell(f"Not settings of Streamzy: {', '.join(unknown)}.", ".env.example lists all there are.")
    return well("None looks misspelt.")


@box("way to the database", fails="in production")
def way_to_the_database(settings: Settings) -> Finding:
    """Another machine's database is reached over a network that others may read."""
    url = make_url(settings.database_url)
    hosts = url.query.get("host", url.host) or ""
    host = hosts if isinstance(hosts, str) else hosts[0]
    if settings.sqlite or host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/"):
        return well("It is on this machine.")
    if url.query.get("sslmode") in ("require", "verify-ca", "verify-full"):
        return well("It is on another machine, and the way there is encrypted.")
    return unwell(f"The way to {host} may be unencrypted.", "Add ?sslmode=verify-full to DATABASE_URL.")
