"""What a deployment may choose, read once from the environment and frozen.

Every variable is named ``DIGITREC_`` plus the field's name in capitals; docs/settings.md explains each.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from digitrec.errors import SettingsError
from digitrec.limits import InputLimits
from digitrec.recognizer import Recognizer

PREFIX = "DIGITREC_"
_NEARLY = 0.9  # alike, as difflib counts; a letter left out, doubled or swapped


@dataclass(frozen=True)
class ApiKey:
    """What the server knows of a key: whose it is, and its SHA-256 in hex."""

    name: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}:{self.sha256}"


@dataclass(frozen=True)
class Settings:
    """The settings of one process.

    Attributes
    ----------
    model_path : the .h5 file to serve; None is the model that comes with the package.
    confidence_threshold : confidence in [0, 1] below which an answer is not accepted; None is the models' own, one for digits
        and one for numbers.
    max_image_bytes, max_image_pixels : the largest single input, see `InputLimits`.
    max_request_bytes : the largest request body, all its images together.
    max_request_images : the most images in one request.
    threads : request threads of one web worker.
    timeout_s : seconds that all pictures of a request may take, and one before its worker counts as stuck.
    drain_s : seconds between the signal to stop and the end of listening, in which /readyz says 503.
    max_requests : requests after which a worker is replaced, to within a tenth; 0 is never.
    receive_timeout_s : seconds that a request may take to come in.
    rate_limit : how often a client may ask, such as 600/minute; None is no limit.
    rate_limit_storage : where the counts are kept, memory:// of each worker or redis://HOST:PORT.
    api_keys : who may ask; empty is everybody.
    cors_origins : other sites whose pages may ask.
    trusted_hosts : the names under which the server answers; empty is any.
    trusted_proxies : how many proxies before the server are to be believed about the client.
    log_level : DEBUG, INFO, WARNING or ERROR.
    log_format : text or json.
    access_log : whether each request has a line in the log; failures always have.
    metrics : whether /metrics answers.
    metrics_port : a port for /metrics alone; None is the port of everything else.
    """

    model_path: Path | None = None
    confidence_threshold: float | None = None
    max_image_bytes: int = InputLimits.max_image_bytes
    max_image_pixels: int = InputLimits.max_image_pixels
    max_request_bytes: int = 20_000_000
    max_request_images: int = 64
    threads: int = 4
    timeout_s: int = 30
    drain_s: int = 0
    max_requests: int = 100_000
    receive_timeout_s: int = 60
    rate_limit: str | None = None
    rate_limit_storage: str = "memory://"
    api_keys: tuple[ApiKey, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    trusted_proxies: int = 0
    log_level: str = "INFO"
    log_format: str = "text"
    access_log: bool = True
    metrics: bool = True
    metrics_port: int | None = None

    @property
    def limits(self) -> InputLimits:
        """The part of the settings that the image decoder needs."""
        return InputLimits(self.max_image_bytes, self.max_image_pixels)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings that `environ` asks for; unset and empty variables keep the default.

        Raises
        ------
        SettingsError : a value is not of its kind; the message names the variable and what it takes.
        """
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            variable = PREFIX + field.name.upper()
            text = environ.get(variable, "").strip()
            if text:
                values[field.name] = _parse(variable, text, *_KINDS[field.name])
        return cls(**values)


def mistyped(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables whose name is nearly a setting's, and that setting: nobody would read them."""
    known = [PREFIX + field.name.upper() for field in dataclasses.fields(Settings)]
    found = {name: get_close_matches(name, known, 1, _NEARLY) for name in environ if name.startswith(PREFIX)}
    return {name: near[0] for name, near in found.items() if near and name not in known}


def _parse(variable: str, text: str, parse: Callable[[str], Any], expected: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise SettingsError(
            f"{variable}: expected {expected}. Received: {_shown(variable, text)}. Correct it or unset it."
        ) from None


def _shown(variable: str, text: str) -> str:
    """Return what may stand in a log: a key may have been put where its hash belongs, an address has a password."""
    secret = variable in (f"{PREFIX}API_KEYS", f"{PREFIX}RATE_LIMIT_STORAGE")
    return f"{len(text)} characters of another form" if secret else repr(text)


def whole_number(text: str) -> int:
    """Return the whole number above 0 that `text` is, in plain ASCII digits; raises ValueError."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(text)
    return int(text)


def _whole_number_or_0(text: str) -> int:
    return 0 if text == "0" else whole_number(text)


def _port(text: str) -> int:
    port = whole_number(text)
    if port > 65535:
        raise ValueError(text)
    return port


def _switch(text: str) -> bool:
    switches = {"on": True, "off": False}
    if text.lower() not in switches:
        raise ValueError(text)
    return switches[text.lower()]


def _fraction(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise ValueError(text)
    return value


def _log_level(text: str) -> str:
    level = text.upper()
    if level not in _LOG_LEVELS:
        raise ValueError(text)
    return level


def _log_format(text: str) -> str:
    if text.lower() not in _LOG_FORMATS:
        raise ValueError(text)
    return text.lower()


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return parse


def _list_of(parse: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    return lambda text: tuple(parse(item.strip()) for item in text.split(","))


def api_key(text: str) -> ApiKey:
    """Return the key that ``name:sha256`` is; raises ValueError."""
    name, _, digest = text.partition(":")
    if not (KEY_NAME.fullmatch(name) and re.fullmatch("[0-9a-f]{64}", digest)):
        raise ValueError(text)
    return ApiKey(name, digest)


KEY_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_RATE = r"[1-9]\d*/(second|minute|hour|day)"
_NAME = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
_HOST = rf"\.?{_NAME}|\[[0-9a-fA-F:]+\]"
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_LOG_FORMATS = ("text", "json")
_COUNT = (whole_number, "a whole number above 0")
_SWITCH = (_switch, "on or off")
_KINDS: dict[str, tuple[Callable[[str], Any], str]] = {
    "model_path": (Path, "the path of a model file"),
    "confidence_threshold": (_fraction, "a number from 0 to 1"),
    "max_image_bytes": _COUNT,
    "max_image_pixels": _COUNT,
    "max_request_bytes": _COUNT,
    "max_request_images": _COUNT,
    "threads": _COUNT,
    "timeout_s": _COUNT,
    "drain_s": (_whole_number_or_0, "a whole number, 0 or above"),
    "max_requests": (_whole_number_or_0, "a whole number, 0 or above"),
    "receive_timeout_s": _COUNT,
    "rate_limit": (_matching(f"{_RATE}(;{_RATE})*"), "a limit such as 600/minute or 10/second;5000/day"),
    "rate_limit_storage": (
        _matching(r"memory://|(redis|rediss|redis\+unix)://\S+"),
        "memory:// or an address such as redis://HOST:6379",
    ),
    "api_keys": (
        _list_of(api_key),
        "a list such as NAME:SHA256,NAME:SHA256, as `digitrec create-api-key NAME` prints it",
    ),
    "cors_origins": (
        _list_of(_matching(rf"https?://{_NAME}(:\d+)?")),
        "a list of origins such as https://example.org,http://localhost:3000",
    ),
    "trusted_hosts": (_list_of(_matching(_HOST)), "a list of names such as digits.example.org,localhost"),
    "trusted_proxies": (_whole_number_or_0, "a whole number, 0 or above"),
    "log_level": (_log_level, " or ".join(_LOG_LEVELS)),
    "log_format": (_log_format, " or ".join(_LOG_FORMATS)),
    "access_log": _SWITCH,
    "metrics": _SWITCH,
    "metrics_port": (_port, "a port from 1 to 65535"),
}


def load_recognizer(settings: Settings) -> Recognizer:
    """Return the recognizer that the settings ask for.

    Raises
    ------
    ModelError : the model file is missing or cannot be served.
    """
    return Recognizer.load(
        settings.model_path, limits=settings.limits, threshold=settings.confidence_threshold
    )
