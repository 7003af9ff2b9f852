"""Prometheus metrics at /metrics, in prometheus-client's multiprocess mode: the sum over all workers.

Every label has few values, all of them the server's own: a route instead of a path, a known method, a problem's name.
"""

from __future__ import annotations

import os
from typing import Final, cast

from flask import Blueprint, Flask, Response, current_app, request

from digitrec.results import Reading
from digitrec.web.request_context import current_state, elapsed_s

blueprint = Blueprint("metrics", __name__)

_EXTENSION: Final = "digitrec_metrics"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# A drawing takes some milliseconds, a page with a form one second.
_DURATION_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CONFIDENCE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        # prometheus-client chooses between memory and files when it is imported, by PROMETHEUS_MULTIPROC_DIR. The
        # server sets that after it has imported this module.
        from prometheus_client import CollectorRegistry, Counter, Histogram  # noqa: PLC0415

        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "digitrec_requests", "HTTP requests.", ["endpoint", "method", "status"], registry=registry
        )
        self.duration = Histogram(
            "digitrec_request_duration_seconds",
            "Seconds from a received request to its response.",
            ["endpoint"],
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self.predictions = Counter(
            "digitrec_predictions", "Predictions of one digit.", ["digit", "accepted"], registry=registry
        )
        self.readings = Counter("digitrec_readings", "Readings of a number.", ["accepted"], registry=registry)
        self.confidence = Histogram(
            "digitrec_prediction_confidence",
            "Confidence of predictions (digit) and readings (number).",
            ["kind"],
            buckets=_CONFIDENCE_BUCKETS,
            registry=registry,
        )
        self.errors = Counter(
            "digitrec_errors", "Images and requests that failed.", ["type"], registry=registry
        )


def init_app(app: Flask) -> None:
    """Count the requests of `app`, and serve /metrics."""
    app.extensions[_EXTENSION] = Metrics()
    app.after_request(_record_request)
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return the metrics in Prometheus's text format."""
    from prometheus_client import CollectorRegistry, Info, generate_latest  # noqa: PLC0415
    from prometheus_client.exposition import CONTENT_TYPE_LATEST  # noqa: PLC0415
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

    registry = CollectorRegistry()
    card = current_state().recognizer.card
    about = {name: str(card[name]) for name in ("name", "version")}
    Info("digitrec_model", "The served model.", registry=registry).info(about)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        text = generate_latest(registry)
    else:
        text = generate_latest(registry) + generate_latest(_metrics().registry)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def record_prediction(digit: int, confidence: float, *, accepted: bool) -> None:
    """Count a prediction of one digit."""
    _metrics().predictions.labels(str(digit), _label(accepted)).inc()
    _metrics().confidence.labels("digit").observe(confidence)


def record_reading(reading: Reading) -> None:
    """Count a reading of a number."""
    _metrics().readings.labels(_label(reading.accepted)).inc()
    _metrics().confidence.labels("number").observe(reading.confidence)


def record_error(problem: str) -> None:
    """Count an image or request that failed."""
    _metrics().errors.labels(problem or "other").inc()


def _record_request(response: Response) -> Response:
    endpoint = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in _METHODS else "other"
    _metrics().requests.labels(endpoint, method, str(response.status_code)).inc()
    _metrics().duration.labels(endpoint).observe(elapsed_s())
    return response


def _metrics() -> Metrics:
    return cast(Metrics, current_app.extensions[_EXTENSION])


def _label(value: bool) -> str:
    return "true" if value else "false"
