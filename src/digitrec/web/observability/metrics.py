"""What Prometheus is told at /metrics: requests, time, answers, confidence and failures of all workers together.

Labels take few values, all of them the server's own: a route and not a path, a known method, a problem's name. All
their combinations together fit the files of web/server/shared.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from flask import Blueprint, Flask, Response, abort, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from digitrec.results import Reading
from digitrec.web.app_state import current_state
from digitrec.web.config import Settings
from digitrec.web.observability.logs import seconds_taken
from digitrec.web.openapi.decorator import specified
from digitrec.web.server.multiprocess import counts_folder

blueprint = Blueprint("metrics", __name__)

_KEY: Final = "digitrec_metrics"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# All that the application answers; any other would be counted as "other".
_STATUSES: Final = frozenset({200, 206, 304, 308, 400, 401, 404, 405, 412, 413, 415, 416, 422, 429, 500, 503})
# A drawing takes some milliseconds, a page with a form a second.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CONFIDENCE: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)


class Counts:
    """Everything that one application counts."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "digitrec_requests", "Requests answered.", ["endpoint", "method", "status"], registry=registry
        )
        self.seconds = Histogram(
            "digitrec_request_seconds",
            "Seconds from a whole request to its answer.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.answers = Counter(
            "digitrec_answers", "Single digits answered.", ["digit", "accepted"], registry=registry
        )
        self.numbers = Counter("digitrec_numbers", "Numbers answered.", ["accepted"], registry=registry)
        self.confidence = Histogram(
            "digitrec_confidence",
            "Confidence of answers, of single digits and of whole numbers.",
            ["kind"],
            buckets=_CONFIDENCE,
            registry=registry,
        )
        self.problems = Counter(
            "digitrec_problems", "Pictures and requests that failed.", ["problem"], registry=registry
        )


class _ModelInfo(Collector):
    """The model of the worker that is asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        card = current_state().recognizer.card
        family = GaugeMetricFamily(
            "digitrec_model_info", "The model that answers.", labels=["name", "version"]
        )
        family.add_metric([str(card["name"]), str(card["version"])], 1.0)
        yield family


def init_app(app: Flask, settings: Settings) -> None:
    """Let `app` count, and answer /metrics, unless `settings` say otherwise."""
    if settings.metrics:
        app.extensions[_KEY] = Counts()
        app.after_request(_count_request)
        app.register_blueprint(blueprint)


@blueprint.get("/metrics")
@specified
def metrics() -> Response:
    """Answer the counts of all workers in Prometheus's text format."""
    port = current_state().settings.metrics_port
    if port is not None and _local_port() != port:
        abort(404)
    registry = CollectorRegistry()
    registry.register(_ModelInfo())
    folder = counts_folder()
    if folder:
        MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    counts = cast(Counts, current_app.extensions[_KEY])
    return Response(
        generate_latest(registry) + generate_latest(counts.registry), content_type=CONTENT_TYPE_LATEST
    )


def count_digit(digit: int, confidence: float, *, accepted: bool) -> None:
    """Count one answer that is a digit."""
    if counts := _counts():
        counts.answers.labels(str(digit), _truth(accepted)).inc()
        counts.confidence.labels("digit").observe(confidence)


def count_reading(reading: Reading) -> None:
    """Count one answer that is a number."""
    if counts := _counts():
        counts.numbers.labels(_truth(reading.accepted)).inc()
        counts.confidence.labels("number").observe(reading.confidence)


def count_problem(name: str) -> None:
    """Count one picture or request that failed."""
    if counts := _counts():
        counts.problems.labels(name or "other").inc()


def leave_uncounted() -> None:
    """Count nothing of what this request is answered."""
    g.uncounted = True


def _counts() -> Counts | None:
    if g.get("uncounted"):
        return None
    return cast("Counts | None", current_app.extensions.get(_KEY))


def _count_request(response: Response) -> Response:
    counts = cast(Counts, current_app.extensions[_KEY])
    endpoint = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in _METHODS else "other"
    counts.requests.labels(endpoint, method, _status(response.status_code)).inc()
    counts.seconds.labels(endpoint).observe(seconds_taken())
    return response


def _status(code: int) -> str:
    return str(code) if code in _STATUSES else "other"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _local_port() -> int:
    """Return the port that this request came in by; a proxy's headers do not change it."""
    return int(request.environ["SERVER_PORT"])
