"""What is measured: each room counts for itself, and this shows it to Prometheus, of all workers in one answer.

gunicorn hands a scrape to whichever worker is free. That one asks the others, and says of each sample whose it is: a
counter that showed now the one's figures and now the other's would seem to begin anew each time.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

from flask import Flask, Request, current_app
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Metric, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

CONTENT_TYPE = CONTENT_TYPE_LATEST
DATABASE_ERRORS = Counter("streamzy_database_errors", "Statements that the database refused or did not answer")
ANSWER_SECONDS = 0.5  # a worker that is slower than that is left out this time
FORWARDING = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip")


def may_read(request: Request) -> bool:
    """Whether this request may see the figures.

    With METRICS_TOKEN: who sends it. Without one: a process of this machine, in development, where no proxy could
    be passing somebody else's request on.
    """
    settings = current_app.config["STREAMZY"]
    if settings.metrics_token:
        sent = request.headers.get("Authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {settings.metrics_token}".encode())
    if settings.production or settings.trusted_proxies or any(name in request.headers for name in FORWARDING):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


# Of one worker: its name; and name, explanation and type of each metric with its samples (name, labels, value).
Figures = tuple[str, list[tuple[str, str, str, list[tuple[str, dict[str, str], float]]]]]


def init_app(app: Flask) -> None:
    """Let the other workers ask this one."""
    app.extensions["relay"].answering["figures"] = figures


def figures() -> Figures:
    """What this worker has counted."""
    told = [
        (
            metric.name,
            metric.documentation,
            metric.type,
            [(sample[0], sample[1], sample[2]) for sample in metric.samples],
        )
        for metric in REGISTRY.collect()
    ]
    return f"{socket.gethostname()}:{os.getpid()}", told


def text() -> bytes:
    """Everything that any worker has counted, in Prometheus's text form."""
    others, asked = current_app.extensions["relay"].ask("figures", ANSWER_SECONDS)
    return generate_latest(Everybody([figures(), *others], 1 + asked))


class Everybody(Collector):
    """The figures of those workers that answered."""

    def __init__(self, answers: list[Any], workers: int) -> None:
        self.answers, self.workers = answers, workers

    def collect(self) -> Iterator[Metric]:
        """Each metric once, with everybody's samples."""
        metrics: dict[str, Metric] = {}
        for worker, told in self.answers:
            for name, explanation, kind, samples in told:
                metric = metrics.setdefault(name, Metric(name, explanation, kind))
                for sample, labels, value in samples:
                    metric.add_sample(sample, {**labels, "worker": worker}, value)
        yield from metrics.values()
        yield _gauge("streamzy_workers", "Workers that serve, as far as the one that was asked knows", self.workers)
        yield _gauge("streamzy_workers_answered", "Workers whose figures these are", len(self.answers))


def _gauge(name: str, explanation: str, value: float) -> Metric:
    metric = Metric(name, explanation, "gauge")
    metric.add_sample(name, {}, value)
    return metric


def count_errors(engine: Engine) -> None:
    """Count the errors of ``engine``; whoever gets them still has to handle them."""
    event.listen(engine, "handle_error", _count)


def _count(_context: ExceptionContext) -> None:
    DATABASE_ERRORS.inc()
