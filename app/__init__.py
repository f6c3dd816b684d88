"""The roof: builds an app from settings. The only file that knows every room, and that no room knows."""

from __future__ import annotations

import logging

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import sqlite
from app.account import data_routes, recovery_routes  # noqa: F401 - they add pages to the account's blueprint
from app.account.routes import account
from app.account.two_factor_routes import two_factor_pages
from app.admin import (  # noqa: F401 - as above
    application_routes,
    audit_routes,
    bulk_routes,
    channel_routes,
    key_routes,
    letter_routes,
    template_routes,
    user_routes,
)
from app.admin.routes import admin
from app.applications import postman, routine, status_routes  # noqa: F401 - found by their decorators
from app.applications.routes import applications
from app.auth import permissions
from app.auth.recovery_routes import recovery
from app.auth.routes import auth
from app.auth.verify_routes import verify
from app.chat import (  # noqa: F401 - before init_app, or a second app has no handlers
    deletion_routes,
    moderation_events,
    people_routes,
    retention,
    review_events,
    socket_events,
    transcript_routes,
)
from app.chat.entry_routes import entry
from app.chat.listener import Listener
from app.chat.relay import Relay
from app.chat.routes import chat
from app.chat.settings_routes import settings_pages
from app.chat.writer import Writer
from app.commands import registry
from app.delivery import transport
from app.encryption.data_key import DataKeys
from app.encryption.keyring import EncryptionKeyError, KeyRing
from app.extensions import csrf, db, migrate, socketio
from app.operations import error_pages, measurements, page_context, page_drawing, static_files
from app.operations.routes import operations
from app.security.counters import Counters
from app.security.headers import SecurityHeaders
from app.security.origins import same_origin
from app.security.page_limits import limiter
from app.security.request_ids import RequestIds
from app.security.round_trip import RoundTrip
from app.security.seats import Seats
from app.workers import duty  # noqa: F401 - its table belongs to the schema
from app.workers.worker import Presence
from config import ROOT, Settings

LARGEST_REQUEST = 256 * 1024
LARGEST_PACKET = 64 * 1024


def create_app(settings: Settings) -> Flask:
    """Build the app. It is built even where it must not serve (no key, no database): the commands mend that."""
    app = Flask(__name__, template_folder=ROOT / "templates", static_folder=ROOT / "static")
    _configure(app, settings)
    db.init_app(app)
    with app.app_context():
        measurements.count_errors(db.engine)
        if settings.sqlite:
            sqlite.prepare(db.engine)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    permissions.recognise_before_requests(app)
    limiter.init_app(app)
    csrf.init_app(app)
    permissions.guard_before_requests(app)
    app.extensions["data_keys"] = _data_keys(settings)
    keys = app.extensions["data_keys"]
    app.extensions["presence"] = Presence(app, keys.ring.ids if isinstance(keys, DataKeys) else ())
    redis = RoundTrip(settings.redis_url) if settings.redis_url else None
    app.extensions["redis"], app.extensions["counters"], app.extensions["seats"] = redis, Counters(redis), Seats(redis)
    app.extensions["relay"] = Relay(app, settings.redis_url)
    measurements.init_app(app)
    app.extensions["writer"] = Writer(app)
    app.extensions["listener"] = Listener(app)
    page_context.init_app(app)
    page_drawing.init_app(app)
    static_files.init_app(app)
    error_pages.init_app(app)
    channel_pages = (chat, entry, settings_pages)
    for blueprint in (
        account,
        admin,
        applications,
        auth,
        *channel_pages,
        operations,
        recovery,
        two_factor_pages,
        verify,
    ):
        app.register_blueprint(blueprint)
    registry.init_app(app)
    # Last: what is wrapped around the app before Socket.IO's middleware misses /socket.io/.
    socketio.init_app(
        app,
        async_mode="gevent",
        async_handlers=False,  # one event of a socket after the other: a greenlet each would let messages overtake
        cors_allowed_origins=same_origin(settings.public_url),
        manage_session=False,
        max_http_buffer_size=LARGEST_PACKET,
        # Each request of a client on polling may come to another process, which knows nothing of it.
        transports=["websocket"] if settings.workers > 1 else ["polling", "websocket"],
        cookie=None,
        ping_interval=10,  # a line that died silently is noticed within this and the timeout
        ping_timeout=6,
        client_manager=transport.client_manager(settings.transport),
        logger=False,
        engineio_logger=False,
    )
    transport.install(socketio, settings.transport, LARGEST_PACKET, socket_events.direct_handlers(app))
    hops = settings.trusted_proxies
    app.wsgi_app = SecurityHeaders(app.wsgi_app)  # type: ignore[method-assign]  # Flask documents this form
    app.wsgi_app = RequestIds(app.wsgi_app, trusted=hops > 0)  # type: ignore[method-assign]  # as above
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        STREAMZY=settings,  # ours stay together: extensions have settings of their own one letter away
        SECRET_KEY=settings.secret_key or None,
        DEBUG=settings.flask_debug,
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=LARGEST_REQUEST,
        MAX_FORM_PARTS=50,
        SESSION_COOKIE_NAME="__Host-session" if settings.session_cookie_secure else "session",
        SESSION_COOKIE_SECURE=settings.session_cookie_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # a form must not die before its session
        WTF_CSRF_SSL_STRICT=False,  # status pages send no referrer; the token is what counts
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "hide_parameters": True,  # an error's text goes into the log: what people typed does not
            **({"connect_args": sqlite.CONNECT_ARGS} if settings.sqlite else {"pool_pre_ping": True, "pool_size": 10}),
        },
        PREFERRED_URL_SCHEME="https" if settings.session_cookie_secure else "http",
    )
    app.logger.setLevel(logging.INFO)


def _data_keys(settings: Settings) -> DataKeys | EncryptionKeyError:
    try:
        return DataKeys(KeyRing(settings.encryption_key))
    except EncryptionKeyError as error:
        return error  # serving is refused by preflight; `flask keys` and `flask doctor` must still run
