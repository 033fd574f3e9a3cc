"""Logging: one line per thing that happened, as JSON or for people."""

from __future__ import annotations

import logging.config
from collections.abc import Mapping
from typing import Any


class PlainFormatter(logging.Formatter):
    """For people: the time, the message, and behind it how long that took and what Box's support would ask for."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        """The first line of a record."""
        seconds, request = getattr(record, "duration_seconds", None), getattr(record, "box_request_id", None)
        details = [] if seconds is None else [f"{seconds * 1000:.0f} ms"]
        details += [f"request {request}"] if request and request not in record.message else []
        return super().formatMessage(record) + (f"  ({', '.join(details)})" if details else "")


def configure_logging(log_format: str, log_level: str) -> None:
    """One line per thing that happened. Libraries speak up only when something is wrong.

    Kopf's debug lines hold whole objects, so that it stays at WARNING whatever the level.
    """
    plain = {
        "()": PlainFormatter,
        "fmt": "%(asctime)s %(levelname)-7s %(message)s",
        "datefmt": "%H:%M:%S",
    }
    json: Mapping[str, Any] = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
        "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        "datefmt": "%Y-%m-%dT%H:%M:%S%z",
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": plain if log_format == "plain" else json},
            "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "WARNING", "handlers": ["out"]},
            "loggers": {"box_app_operator": {"level": log_level}},
        }
    )
