"""Settings: from flags and environment to one frozen value, with every problem reported at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from box_app_operator.api.fields import LONGEST, parse_duration
from box_app_operator.proxies import ProxyError, read_proxies

PREFIX = "BOX_APP_OPERATOR_"
SERVICE_LINK = re.compile(rf"{PREFIX}(SERVICE_(HOST|PORT)|PORT(_|$))")
"""What Kubernetes puts into every pod beside a Service called box-app-operator: not meant for us."""

SHORTEST_LEASE = timedelta(seconds=6)
"""It is renewed six times while it lasts, and the official client does so once a second at most."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the operator runs. The comments of the flags in ``cli.py`` explain each."""

    namespaces: tuple[str, ...] = ()
    kubeconfig: str | None = None
    log_format: str = "json"
    log_level: str = "INFO"
    health_address: str = "0.0.0.0:8080"
    metrics_per_app: bool = False
    leader_elect: bool = False
    lease_name: str = "box-app-operator"
    lease_namespace: str | None = None
    lease_duration: timedelta = timedelta(seconds=9)
    workers: int = 32
    box_timeout: timedelta = timedelta(seconds=30)
    box_wait: timedelta = timedelta(seconds=25)
    outage_grace: timedelta = timedelta(minutes=5)
    status_pause: timedelta = timedelta(seconds=30)
    restart_window: timedelta = timedelta(minutes=1)
    rotation_pause: timedelta = timedelta(minutes=10)
    sweep_interval: timedelta = timedelta(minutes=10)
    backoff_base: timedelta = timedelta(seconds=1)
    backoff_cap: timedelta = timedelta(minutes=5)

    @property
    def health_host(self) -> str:
        """The host of ``health_address``."""
        return self.health_address.rpartition(":")[0].strip("[]")

    @property
    def health_port(self) -> int:
        """The port of ``health_address``; 0 means any free one."""
        return int(self.health_address.rpartition(":")[2])


class SettingsError(Exception):
    """The configuration cannot be used; ``problems`` has one line for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_settings(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """Settings from flags, which win, and from ``BOX_APP_OPERATOR_*`` in the environment.

    Args:
        flags: values by field name of ``Settings``; None where a flag is absent.

    Raises:
        SettingsError: with every problem, not only the first.
    """
    problems, values = [], {}
    for name in (field.name for field in fields(Settings)):
        variable = PREFIX + name.upper()
        text, source = flags.get(name), "--" + name.replace("_", "-")
        if text is None:
            text, source = environment.get(variable), variable
        if text is None:
            continue
        try:
            values[name] = _READERS[name](text.strip())
        except ValueError as error:
            problems.append(f"{source}: {error}")
    try:
        # They are no settings of ours; but who writes one that cannot be used should hear of it at once.
        read_proxies(environment)
    except ProxyError as error:
        problems.append(str(error))
    known = {PREFIX + field.name.upper() for field in fields(Settings)}
    problems += [
        f"{name}: no such setting"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known and not SERVICE_LINK.match(name)
    ]
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def _choice(*choices: str) -> Any:
    def read(text: str) -> str:
        found = next((choice for choice in choices if choice.lower() == text.lower()), None)
        if found is None:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
        return found

    return read


def _namespaces(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 1000:
        raise ValueError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{text!r} is not host:port, for example 0.0.0.0:8080")
    return text


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", text):
        raise ValueError(f"{text!r} is no name that Kubernetes allows")
    return text


def _duration(text: str) -> timedelta:
    duration = parse_duration(text)
    if duration is None:
        raise ValueError(f"{text!r} is not a duration; write for example 10m, 1h30m or 7d")
    if duration >= LONGEST:
        raise ValueError(f"{text!r} is longer than a hundred years")
    return duration


def _lease_duration(text: str) -> timedelta:
    duration = _duration(text)
    if duration < SHORTEST_LEASE:
        raise ValueError(f"{text!r} is shorter than {SHORTEST_LEASE.seconds}s")
    return duration


def _positive(text: str) -> timedelta:
    duration = _duration(text)
    if duration <= timedelta():
        raise ValueError(f"{text!r} is not longer than zero")
    return duration


_READERS: Mapping[str, Any] = {
    "namespaces": _namespaces,
    "kubeconfig": str,
    "log_format": _choice("json", "plain"),
    "log_level": _choice("DEBUG", "INFO", "WARNING", "ERROR"),
    "health_address": _address,
    "metrics_per_app": _yes_or_no,
    "leader_elect": _yes_or_no,
    "lease_name": _name,
    "lease_namespace": _name,
    "lease_duration": _lease_duration,
    "workers": _workers,
    "box_timeout": _positive,
    "box_wait": _positive,
    "outage_grace": _duration,
    "status_pause": _duration,
    "restart_window": _duration,
    "rotation_pause": _positive,
    "sweep_interval": _positive,
    "backoff_base": _positive,
    "backoff_cap": _positive,
}
