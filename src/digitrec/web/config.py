"""Settings of a deployment, read from environment variables; docs/settings.md explains each.

The name of a variable is ``DIGITREC_`` and the field's name in capitals. A field's description says what the field
takes; error messages quote it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from digitrec.errors import SettingsError
from digitrec.limits import InputLimits
from digitrec.recognizer import Recognizer

PREFIX: Final = "DIGITREC_"
KEY_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SIMILARITY: Final = 0.9  # by difflib: one letter is missing, doubled or swapped
# A URL may hold a password.
_SECRETS: Final = frozenset({"api_keys", "rate_limit_storage", "database_url"})
_RATE: Final = r"[1-9]\d*/(second|minute|hour|day)"
_NAME: Final = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"

_COUNT = "a whole number above 0"
_COUNT_OR_ZERO = "a whole number, 0 or above"


def _split(value: object) -> object:
    return tuple(item.strip() for item in value.split(",")) if isinstance(value, str) else value


_ApiKey = Annotated[str, Field(pattern=f"^{KEY_NAME.pattern}:[0-9a-f]{{64}}$")]
_Origin = Annotated[str, Field(pattern=rf"^https?://{_NAME}(:\d+)?$")]
_Host = Annotated[str, Field(pattern=rf"^(\.?{_NAME}|\[[0-9a-fA-F:]+\])$")]


class Settings(BaseSettings):
    """The settings of one process; `load_settings` reads them with the project's own error messages."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        protected_namespaces=(),  # model_path
    )

    model_path: Path | None = Field(None, description="the path of a model file")
    confidence_threshold: float | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, description="a number from 0 to 1"
    )
    max_image_bytes: PositiveInt = Field(InputLimits.max_image_bytes, description=_COUNT)
    max_image_pixels: PositiveInt = Field(InputLimits.max_image_pixels, description=_COUNT)
    max_request_bytes: PositiveInt = Field(20_000_000, description=_COUNT)
    max_request_images: PositiveInt = Field(64, description=_COUNT)
    threads: PositiveInt = Field(4, description=_COUNT)
    request_timeout_s: PositiveInt = Field(30, description=_COUNT)
    client_timeout_s: PositiveInt = Field(60, description=_COUNT)
    shutdown_delay_s: NonNegativeInt = Field(0, description=_COUNT_OR_ZERO)
    rate_limit: str | None = Field(
        None,
        pattern=f"^{_RATE}(;{_RATE})*$",
        description="a limit such as 600/minute or 10/second;5000/day",
    )
    rate_limit_storage: str = Field(
        "memory://",
        pattern=r"^(memory://|(redis|rediss|redis\+unix)://\S+)$",
        description="memory:// or an address such as redis://HOST:6379",
    )
    api_keys: Annotated[tuple[_ApiKey, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="a list such as NAME:SHA256,NAME:SHA256, as `digitrec create-api-key NAME` prints it"
    )
    database_url: str | None = Field(
        None,
        description="the URL of a database such as sqlite:///digitrec.db or postgresql://HOST/digitrec",
    )
    database_access: Annotated[Literal["api_keys", "open"], BeforeValidator(str.lower)] = Field(
        "api_keys", description="the word api_keys or open"
    )
    retention_days: int | None = Field(None, gt=0, le=36_500, description="a whole number from 1 to 36500")
    data: Path | None = Field(
        None, description="the path of mnist.npz, or of a folder with MNIST's IDX files"
    )
    cors_origins: Annotated[tuple[_Origin, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="a list of origins such as https://example.org,http://localhost:3000"
    )
    trusted_hosts: Annotated[tuple[_Host, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="a list of names such as digits.example.org,localhost"
    )
    trusted_proxies: NonNegativeInt = Field(0, description=_COUNT_OR_ZERO)
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = Field(
        "INFO", description="DEBUG or INFO or WARNING or ERROR"
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(str.lower)] = Field(
        "text", description="text or json"
    )

    @property
    def limits(self) -> InputLimits:
        """The part of the settings that the image decoder needs."""
        return InputLimits(self.max_image_bytes, self.max_image_pixels)


def load_settings(model_path: Path | None = None) -> Settings:
    """Return the settings in the environment; unset and empty variables keep the default.

    Parameters
    ----------
    model_path : replaces that of the environment.

    Raises
    ------
    SettingsError : a value is invalid; the message names the variable, what it takes and what it holds, but no secret.
    """
    changes: dict[str, Any] = {"model_path": model_path} if model_path else {}
    try:
        return Settings(**changes)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        variable, expected = PREFIX + field.upper(), Settings.model_fields[field].description
        text = os.environ.get(variable, "")
        received = f"{len(text)} characters of another form" if field in _SECRETS else repr(text)
        raise SettingsError(
            f"{variable}: expected {expected}. Received: {received}. Correct it or unset it."
        ) from None  # pydantic's text quotes secrets


def find_misspelled(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are nearly a setting's name, each with that setting: nothing reads them."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    matches = {
        name: get_close_matches(name, known, 1, _SIMILARITY) for name in environ if name.startswith(PREFIX)
    }
    return {name: found[0] for name, found in matches.items() if found and name not in known}


def load_recognizer(settings: Settings) -> Recognizer:
    """Return the recognizer for `settings`; raises ModelError if its model file cannot be served."""
    return Recognizer.load(
        settings.model_path, limits=settings.limits, threshold=settings.confidence_threshold
    )
