"""A token's value cannot get out by accident."""

import copy
import dataclasses
import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from box_app_operator.model.box import fingerprint_of
from box_app_operator.ports import SecretWrite, Token

VALUE = "made-up-value-of-a-token-00000001"
TOKEN = Token(VALUE)
WRITE = SecretWrite("s", "BOX_APP_TOKEN", TOKEN, {"BOX_CLIENT_ID": "c"}, {}, {})

SHOWN: list[Callable[[Any], str]] = [
    repr,
    str,
    format,
    ascii,
    lambda token: f"{token}",
    lambda token: f"{token!r:>40}",
    lambda token: "%s %r" % (token, token),  # noqa: UP031 - the old way is a way too
    lambda token: str([token]),
    lambda token: str({"token": token}),
    lambda token: repr(KeyError(token)),
    lambda token: logging.LogRecord("n", 10, "p", 1, "%s", (token,), None).getMessage(),
]


@pytest.mark.parametrize("show", SHOWN)
@pytest.mark.parametrize("holder", [TOKEN, WRITE], ids=["token", "secret"])
def test_no_way_of_showing_a_token_shows_its_value(show: Callable[[Any], str], holder: Any) -> None:
    """Only the fingerprint is to be seen."""
    text = show(holder)

    assert VALUE not in text
    assert fingerprint_of(VALUE) in text


LEAKS: list[Callable[[], Any]] = [
    lambda: pickle.dumps(TOKEN),
    lambda: pickle.dumps(TOKEN, protocol=0),
    lambda: pickle.dumps(WRITE),
    lambda: copy.copy(TOKEN),
    lambda: copy.deepcopy(WRITE),
    lambda: vars(TOKEN),
    lambda: dataclasses.asdict(WRITE),
    lambda: json.dumps(TOKEN),
    lambda: TOKEN + "",  # type: ignore[operator]
]


@pytest.mark.parametrize("leak", LEAKS)
def test_a_token_is_not_pickled_copied_or_turned_into_plain_data(leak: Callable[[], Any]) -> None:
    """TypeError, without the value in it."""
    with pytest.raises(TypeError) as caught:
        leak()
    assert VALUE not in str(caught.value)


def test_a_token_is_revealed_only_when_asked() -> None:
    """The one call that needs it says so by name."""
    assert TOKEN.reveal() == VALUE
    assert TOKEN.fingerprint == fingerprint_of(VALUE)
    assert len(TOKEN.fingerprint) == 16


def test_tokens_are_not_equal_to_their_values() -> None:
    """Comparing is done by fingerprint, never by value."""
    assert TOKEN not in (VALUE, Token(VALUE))
