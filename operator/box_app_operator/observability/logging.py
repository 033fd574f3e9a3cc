"""Logging: one line per thing that happened, as JSON or for people."""

import json
import logging.config
from collections.abc import Mapping
from typing import Any

KOPFS_TRIES = "Request attempt "
"""How Kopf begins to tell of a request that failed, whichever part of it asked."""
CUT_OFF = "generator didn't stop after athrow()"
"""How Python tells of a watch that Kopf cut off while an answer came: nothing is lost, and nothing is wrong."""
KOPFS_CODE = "/kopf/_"
"""In the path of every file of Kopf's inside."""


class PlainFormatter(logging.Formatter):
    """For people: the time, the message, and behind it how long that took and what Box's support would ask for."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        """The first line of a record."""
        seconds, request = getattr(record, "duration_seconds", None), getattr(record, "box_request_id", None)
        details = [] if seconds is None else [f"{seconds * 1000:.0f} ms"]
        details += [f"request {request}"] if request and request not in record.message else []
        return super().formatMessage(record) + (f"  ({', '.join(details)})" if details else "")


class InOneLine(logging.Filter):
    """What Kopf says of an API server that refuses or does not answer: a warning, without a traceback.

    Kopf calls every try an error, and shows where in its own code it met it. The operator tries again, or ends with a
    line of its own. Of two watches that failed at once Kopf tells one, and asyncio the other.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets everything pass."""
        if record.levelno >= logging.ERROR and _is_about_kopf(record):
            error = record.exc_info[1] if record.exc_info else None
            if is_about_api_server(error) if error else record.getMessage().startswith(KOPFS_TRIES):
                record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
                text = record.getMessage().partition("\n")[0]
                record.msg, record.args = f"{text}: {error!r}" if record.name == "asyncio" else text, ()
                record.exc_info = record.exc_text = None
        return True


def _is_about_kopf(record: logging.LogRecord) -> bool:
    """Does Kopf say it, or asyncio of a task that Kopf left alone?"""
    library = record.name.partition(".")[0]
    return library == "kopf" or (library == "asyncio" and KOPFS_CODE in record.getMessage())


def is_about_api_server(error: BaseException) -> bool:
    """Is an error that Kopf met about what the API server said, or did not say? Any other one is a bug."""
    foreign = type(error).__module__.partition(".")[0] in ("kopf", "aiohttp")
    cut_off = isinstance(error, RuntimeError) and str(error) == CUT_OFF
    return foreign or cut_off or isinstance(error, OSError | TimeoutError | json.JSONDecodeError)


def configure_logging(log_format: str, log_level: str) -> None:
    """One line per thing that happened. Libraries speak up only when something is wrong.

    Kopf's debug lines hold whole objects, so that it stays at WARNING whatever the level.
    """
    plain = {
        "()": PlainFormatter,
        "fmt": "%(asctime)s %(levelname)-7s %(message)s",
        "datefmt": "%H:%M:%S",
    }
    as_json: Mapping[str, Any] = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
        "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        "datefmt": "%Y-%m-%dT%H:%M:%S%z",
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": plain if log_format == "plain" else as_json},
            "filters": {"in_one_line": {"()": InOneLine}},
            "handlers": {
                "out": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["in_one_line"]},
            },
            "root": {"level": "WARNING", "handlers": ["out"]},
            "loggers": {"box_app_operator": {"level": log_level}},
        }
    )
