"""How gunicorn serves Streamzy: ``gunicorn -c app/operations/gunicorn_settings.py wsgi:app``.

gunicorn reads the names in lower case that it knows; docs.gunicorn.org explains them. It does so in its master, before
gevent has patched the standard library. Nothing of ``app`` may be imported that early, or what it took from there (such
as the sleep between two tries to reach Redis) would stop every socket: so hand this over as a file, not as a module.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
from typing import Any

import gevent
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

import log_line
from config import Settings, SettingsError


def _settings() -> Settings:
    try:
        return Settings.from_environment()
    except SettingsError as error:
        sys.stderr.write(f"Streamzy cannot start:\n{error}\n")
        raise SystemExit(2) from None


def _address(host: str, port_number: int) -> str:
    return f"[{host}]:{port_number}" if ":" in host else f"{host}:{port_number}"


_given = _settings()

bind = _address(_given.host, _given.port)
proc_name = "streamzy"
workers = _given.workers
worker_class = "gevent"
worker_connections = 20_000  # at the default of 1,000 it silently stops accepting
backlog = 2048
keepalive = 2  # a connection that asks for nothing is not waited for any longer, at the end either
timeout = 60
graceful_timeout = 9  # Streamzy promises to end within ten seconds; after this a worker is killed

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# TRUSTED_PROXIES says whom to believe, and the app asks it. gunicorn would believe any process of this machine.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

control_socket_disable = True  # nobody here speaks to it, and two instances would fight for its path
accesslog = None  # who read what and when is nobody's business; pass --access-logfile - to see it
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'
errorlog = "-"
loglevel = "warning"


STORE_SECONDS = 2.5  # for what was taken before SIGTERM
# Then a worker drops what still hangs, so that it ends before it is killed. It looks once a second, the last time a
# second before this: what ends later, because storing took its time, would be called hanging.
WORKER_GRACE_SECONDS = 5


class QuietLogger(Logger):
    """gunicorn's own logs, in lines like all others'."""

    def setup(self, cfg: Any) -> None:
        """Read the configuration."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(log_line.formatter(getattr(handler, "stream", None)))


logger_class = QuietLogger


def on_starting(arbiter: Any) -> None:
    """Ctrl-C ends as SIGTERM does, and the master alone hears it."""
    arbiter.handle_int = arbiter.handle_term


def post_worker_init(worker: Any) -> None:
    """Look, before the first request, whether this app may serve. A refusal stops gunicorn as a whole."""
    from app import sqlite
    from app.encryption.data_key import data_keys
    from app.encryption.master_key import MasterKey
    from app.extensions import db
    from app.operations import preflight
    from app.workers import duty

    # The terminal interrupts every process of the group: a worker would be told to end twice, in two ways.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_line.write_all()
    gevent.get_hub().print_exception = _log_of_a_greenlet
    if refusals := preflight.refusals(worker.wsgi):
        _refuse(refusals)
    worker.wsgi.extensions["presence"].begin()
    with worker.wsgi.app_context():
        if db.engine.dialect.name == "sqlite":
            sqlite.checkpoint_in_the_background(db.engine)
        # Once more: a rotation that did not see this worker yet may have wrapped keys under one that it lacks.
        if problems := preflight.key_problems():
            _refuse(problems)
        MasterKey.note(data_keys().ring.ids)
        db.session.commit()
        worker.wsgi.extensions["relay"].start()
        db.session.rollback()
    duty.perform_for_ever(worker.wsgi)
    if worker.age == 1:
        for warning in preflight.warnings(worker.wsgi):
            sys.stderr.write(f"Warning: {warning}\n")
        sys.stdout.write(f"Streamzy serves http://{bind}\n")
        sys.stdout.flush()
    worker.cfg.set("graceful_timeout", WORKER_GRACE_SECONDS)  # this process's copy
    gevent.spawn(_close_sockets_at_the_end, worker)
    # What lives as long as the process is never garbage: looking through all of it took 60 ms, in which nobody spoke.
    gc.collect()
    gc.freeze()


def _log_of_a_greenlet(_context: object, *failed: Any) -> None:
    # gevent would print the greenlet as well, and with it the arguments it was called with: what somebody said.
    logging.getLogger("gevent").error("a greenlet failed", exc_info=failed)


def _refuse(reasons: list[str]) -> None:
    sys.stderr.write("\n".join(["Streamzy refuses to serve:", *reasons, ""]))
    sys.stderr.flush()
    sys.exit(Arbiter.WORKER_BOOT_ERROR)  # gunicorn ends then, instead of trying again for ever


def worker_exit(_server: Any, worker: Any) -> None:
    """Whoever asks which workers live need not wait until this one falls silent."""
    if worker.wsgi is not None and (presence := worker.wsgi.extensions["presence"]).id is not None:
        presence.end()


def _close_sockets_at_the_end(worker: Any) -> None:
    # A socket never ends by itself: gunicorn would wait its whole grace for it, then kill what else still works.
    while worker.alive:
        gevent.sleep(0.2)
    from app.chat import broadcasts
    from app.extensions import socketio

    broadcasts.restarting()
    worker.wsgi.extensions["relay"].leave()
    worker.wsgi.extensions["seats"].leave_all()
    worker.wsgi.extensions["writer"].close(STORE_SECONDS)  # acknowledged before the line is cut, or never taken
    gevent.sleep(0)  # the acknowledgements are written at the end of this turn
    transport = socketio.server.eio
    for client in list(transport.sockets.values()):
        # wait=False: a client that no longer reads must not hold up the others.
        gevent.spawn(client.close, wait=False, reason=transport.reason.SERVER_DISCONNECT)
