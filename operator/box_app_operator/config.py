"""Settings: from flags and environment to one frozen value, with every problem reported at once.

Each setting is a field of ``Settings`` and stands nowhere else: flag, variable and help follow from it. Click reads no
value: it would stop at the first problem, and take an empty variable for an absent one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, NamedTuple

from box_app_operator.api.fields import LONGEST, parse_duration
from box_app_operator.proxies import ProxyError, read_proxies

PREFIX = "BOX_APP_OPERATOR_"
SERVICE_LINK = re.compile(rf"{PREFIX}(SERVICE_(HOST|PORT)|PORT(_|$))")
"""What Kubernetes puts into every pod beside a Service called box-app-operator: not meant for us."""


class Kind(NamedTuple):
    """A kind of value: what stands for it in the help, and how a text is read. ``read`` raises ValueError."""

    metavar: str
    read: Callable[[str], Any]


class Setting(NamedTuple):
    """What is known of a setting beside its name. ``default`` is a text; None for a setting that may be missing."""

    kind: Kind
    default: str | None
    help: str


def _matching(metavar: str, pattern: str, complaint: str, convert: Callable[[str], Any] = str) -> Kind:
    def read(text: str) -> Any:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} {complaint}")
        return convert(text)

    return Kind(metavar, read)


def _duration(shortest: str) -> Kind:
    def read(text: str) -> timedelta:
        duration, least = parse_duration(text), parse_duration(shortest)
        if duration is None or least is None:
            raise ValueError(f"{text!r} is not a duration; write for example 10m, 1h30m or 7d")
        if duration >= LONGEST:
            raise ValueError(f"{text!r} is longer than a hundred years")
        if duration < least:
            raise ValueError(f"{text!r} is shorter than {shortest}")
        return duration

    return Kind("DURATION", read)


def parse_namespaces(text: str) -> tuple[str, ...]:
    """Names that commas separate."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{text!r} is not host:port, for example 0.0.0.0:8080")
    return text


NAMESPACES = Kind("A,B", parse_namespaces)
FORMAT = _matching("json|plain", "(?ai)json|plain", "is neither json nor plain", str.lower)
LEVEL = _matching("LEVEL", "(?ai)debug|info|warning|error", "is not DEBUG, INFO, WARNING or ERROR", str.upper)
NAME = _matching("NAME", "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", "is not a valid Kubernetes name")
CLUSTER_ID = _matching("ID", "[a-z0-9-]{1,63}", "is not 1 to 63 of a-z, 0-9 and -")
NUMBER = _matching("N", "0*([1-9][0-9]{0,2}|1000)", "is not a number from 1 to 1000", int)
SWITCH = _matching("", "(?ai)true|false", "is neither true nor false", lambda text: text.lower() == "true")
"""On the command line it stands without a value, and means true."""
POSITIVE = _duration("1ms")
ANY_DURATION = _duration("0s")
LEASE_DURATION = _duration("6s")
"""A Lease is renewed six times while it lasts, and the official client does so once a second at most."""


def _setting(kind: Kind, default: str | None, what: str, otherwise: str = "") -> Any:
    """A field; ``otherwise`` says what holds by default where the default's text does not."""
    setting = Setting(kind, default, f"{what}; default: {otherwise or default}.")
    return field(default=None if default is None else kind.read(default), metadata={"setting": setting})


@dataclass(frozen=True, slots=True)
class Settings:
    """How the operator runs."""

    namespaces: tuple[str, ...] = _setting(NAMESPACES, "", "Watch only these namespaces", "all")
    kubeconfig: str | None = _setting(
        Kind("FILE", str), None, "Path of the kubeconfig", "$KUBECONFIG, ~/.kube/config or the pod's own account"
    )
    cluster_id: str | None = _setting(
        CLUSTER_ID, None, "Identity of this cluster, which its apps in Box carry", "the uid of kube-system"
    )
    log_format: str = _setting(FORMAT, "json", "Log lines for machines (json) or for people (plain)")
    log_level: str = _setting(LEVEL, "INFO", "DEBUG, INFO, WARNING or ERROR")
    health_address: str = _setting(Kind("HOST:PORT", _address), "0.0.0.0:8080", "Address of probes and metrics")
    metrics_per_app: bool = _setting(SWITCH, "false", "Add metrics for each app")
    leader_elect: bool = _setting(SWITCH, "false", "Work only while this process holds a Lease")
    lease_name: str = _setting(NAME, "box-app-operator", "Name of the Lease")
    lease_namespace: str | None = _setting(NAME, None, "Namespace of the Lease", "that of the pod")
    lease_duration: timedelta = _setting(LEASE_DURATION, "9s", "How long until another replica takes over")
    workers: int = _setting(NUMBER, "32", "How many apps are reconciled at once")
    box_timeout: timedelta = _setting(POSITIVE, "30s", "Timeout of one call to Box")
    box_wait: timedelta = _setting(POSITIVE, "25s", "How long one look for changes may block")
    outage_grace: timedelta = _setting(ANY_DURATION, "5m", "How long Box may be down before Ready is Unknown")
    status_pause: timedelta = _setting(ANY_DURATION, "30s", "Least time between status writes of counts alone")
    restart_window: timedelta = _setting(ANY_DURATION, "1m", "Window for apps that restart the same workload")
    rotation_pause: timedelta = _setting(POSITIVE, "10m", "Least time between two rotations of an app by date")
    sweep_interval: timedelta = _setting(POSITIVE, "10m", "How often to look for deletions that no watch reported")
    backoff_base: timedelta = _setting(POSITIVE, "1s", "First pause after a failure")
    backoff_cap: timedelta = _setting(POSITIVE, "5m", "Longest pause after failures")

    @property
    def health_host(self) -> str:
        """The host of ``health_address``."""
        return self.health_address.rpartition(":")[0].strip("[]")

    @property
    def health_port(self) -> int:
        """The port of ``health_address``; 0 means any free one."""
        return int(self.health_address.rpartition(":")[2])


SETTINGS: Mapping[str, Setting] = {setting.name: setting.metadata["setting"] for setting in fields(Settings)}
"""By the name of the field."""


def flag_of(name: str) -> str:
    """The flag of a setting: log_format is --log-format."""
    return "--" + name.replace("_", "-")


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
    for name, source, text in _given(flags, environment):
        try:
            values[name] = SETTINGS[name].kind.read(text.strip())
        except ValueError as error:
            problems.append(f"{source}: {error}")
    try:
        # They are no settings of ours; but who writes one that cannot be used should hear of it at once.
        read_proxies(environment)
    except ProxyError as error:
        problems.append(str(error))
    problems += [f"{name}: no such setting" for name in sorted(environment) if _is_unknown(name)]
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def _given(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Name, source and text of each setting that is given."""
    for name in SETTINGS:
        flag, variable = flags.get(name), PREFIX + name.upper()
        if flag is not None:
            yield name, flag_of(name), flag
        elif variable in environment:
            yield name, variable, environment[variable]


def _is_unknown(variable: str) -> bool:
    ours = {PREFIX + name.upper() for name in SETTINGS}
    return variable.startswith(PREFIX) and variable not in ours and not SERVICE_LINK.match(variable)
