"""Reading a manifest field by field: what cannot be read gets its default, and a message says which field it was.

The API server has checked every object against the schema that it knows. That may be another version's: of a newer
operator that was rolled back, or of an older one whose objects are still stored. So nothing here raises.
"""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

LONGEST = timedelta(days=36500)
"""A longer duration counts as this one, so that it can be added to any date."""
MAX_SHOWN = 24
"""A longer text is not quoted in a message: it may be a token, pasted into the wrong field."""

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def parse_duration(text: str) -> timedelta | None:
    """A duration such as ``10m`` or ``1h30m``, at most ``LONGEST``; None for a text that is none."""
    if not re.fullmatch(r"([0-9]+(ms|s|m|h|d))+", text):
        return None
    parts = re.findall(r"([0-9]+)(ms|s|m|h|d)", text)
    try:
        return min(sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta()), LONGEST)
    except OverflowError:
        return LONGEST


def mapping(value: Any) -> Mapping[str, Any]:
    """An object of a manifest, as it is; one without fields in the place of anything else."""
    return value if isinstance(value, Mapping) else {}


class Fields:
    """The fields of one object in a manifest.

    Attributes:
        problems: one sentence for each field that could not be read, of this object and of all within it.
        is_object: is there an object at all?
    """

    def __init__(self, value: Any, path: str, problems: list[str] | None = None) -> None:
        self.problems: list[str] = [] if problems is None else problems
        self._path = path
        self._values = mapping(value)
        self.is_object = isinstance(value, Mapping)
        if value is not None and not isinstance(value, Mapping):
            self._note("", value, "an object")

    def _note(self, name: str, value: Any, expected: str) -> None:
        path = f"{self._path}.{name}" if name else self._path
        self.problems.append(
            f"{path} cannot be read: this version of the operator expects {expected} there, not {_shown(value)}. "
            "Correct it, or install the version of the operator that the manifest was written for."
        )

    def has(self, name: str) -> bool:
        """Is there anything in this field?"""
        return self._values.get(name) is not None

    def section(self, name: str) -> "Fields":
        """An object within this one; without fields where there is none."""
        return Fields(self._values.get(name), f"{self._path}.{name}", self.problems)

    def required_section(self, name: str) -> "Fields":
        """An object within this one that must be there."""
        if not self.has(name):
            self._note(name, None, "an object")
        return self.section(name)

    def sections(self, name: str) -> "list[Fields]":
        """The objects of a list."""
        items = self._list(name)
        return [Fields(item, f"{self._path}.{name}[{index}]", self.problems) for index, item in enumerate(items)]

    def _list(self, name: str) -> list[Any]:
        value = self._values.get(name)
        if value is not None and not isinstance(value, list):
            self._note(name, value, "a list")
        return value if isinstance(value, list) else []

    def text(self, name: str) -> str | None:
        """A text; None where there is none, or something else."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            self._note(name, value, "a text")
        return value if isinstance(value, str) else None

    def required_text(self, name: str) -> str:
        """A text that must be there; empty where there is none."""
        if not self.has(name):
            self._note(name, None, "a text")
        return self.text(name) or ""

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a list."""
        items = self._list(name)
        for index, item in enumerate(items):
            if not isinstance(item, str):
                self._note(f"{name}[{index}]", item, "a text")
        return tuple(item for item in items if isinstance(item, str))

    def text_map(self, name: str) -> dict[str, str]:
        """Texts by name, such as labels."""
        section = self.section(name)
        found = {key: section.text(key) for key in section._values}
        return {key: text for key, text in found.items() if text is not None}

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            self._note(name, value, "true or false")
        return value if isinstance(value, bool) else default

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        value = self._values.get(name)
        good = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not good:
            self._note(name, value, "a whole number")
        return int(value) if good and value is not None else default

    def choice(self, name: str, choices: Mapping[str, T], default: T) -> T:
        """What one of a few words stands for."""
        value = self._values.get(name)
        if isinstance(value, str) and value in choices:
            return choices[value]
        if value is not None:
            self._note(name, value, " or ".join(choices))
        return default

    def required_choice(self, name: str, choices: Mapping[str, T], default: T) -> T:
        """The same, of a word that must be there."""
        if not self.has(name):
            self._note(name, None, " or ".join(choices))
        return self.choice(name, choices, default)

    def duration(self, name: str, default: T) -> timedelta | T:
        """A duration, at most ``LONGEST``."""
        value = self._values.get(name)
        found = parse_duration(value) if isinstance(value, str) else None
        if value is not None and found is None:
            self._note(name, value, "a duration such as 10m, 1h30m or 7d")
        return default if found is None else found


def _shown(value: Any) -> str:
    """A value in a message, short, and never a long text."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(value) if len(value) <= MAX_SHOWN else f"a text of {len(value)} characters"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else json.dumps(value)
