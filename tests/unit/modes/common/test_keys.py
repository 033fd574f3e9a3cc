"""Reading what people hand over in Secrets."""

from dataclasses import replace

import pytest
from tests.unit.strategies import DESIRED

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.model.box import Slot, fingerprint_of
from box_app_operator.model.observed import Observed
from box_app_operator.model.platform_view import KeyView, Verdict
from box_app_operator.modes.common.keys import Keys, client_value

KEY = "k" * 32


class Secrets:
    """A cluster of which only Secrets that people keep are read."""

    def __init__(self, **values: bytes) -> None:
        self.values = values

    async def read_values(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """The data of whichever Secret is asked for."""
        return self.values or None


async def read(**values: bytes) -> tuple[KeyView, ...]:
    """The keys that a Secret hands over."""
    desired = replace(DESIRED, import_from="keys")
    return await Keys(Secrets(**values), desired, Observed(), PlatformAnswers()).handed_over()  # type: ignore[arg-type]


async def test_keys_are_read_in_the_order_of_their_slots() -> None:
    """Whatever their order in the Secret: the first of two decides which app is meant."""
    assert [key.slot for key in await read(secondary=b"b", primary=b"a")] == [Slot.PRIMARY, Slot.SECONDARY]


async def test_white_space_around_a_key_does_not_count() -> None:
    """However much of it there is."""
    (key,) = await read(primary=b"\r\n" * 400 + KEY.encode() + b"\n")
    assert (key.fingerprint, key.verdict) == (fingerprint_of(KEY), Verdict.LIVE)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b" \n", "it is empty."),
        (b"a b", "there is white space inside"),
        ("schlüssel".encode(), "it is not text"),
        (b"a\x00b", "it is not text"),
        (b"1!" + b"x" * 80, "is it a downscoped token?"),
        (b"x" * 513, "it has 513 bytes, and no key has more than 512;"),
        (b"\xff" * 1_000_000, "it has 1000000 bytes"),
    ],
)
async def test_what_can_be_no_key_is_named(value: bytes, words: str) -> None:
    """It gets no fingerprint: Box is not asked about it, and its value is kept nowhere."""
    (key,) = await read(primary=value)
    assert (key.fingerprint, key.verdict) == (None, Verdict.UNREADABLE)
    assert words in key.message


async def test_the_longest_key_is_taken() -> None:
    """512 bytes."""
    (key,) = await read(primary=b"x" * 512)
    assert key.verdict is Verdict.LIVE


@pytest.mark.parametrize("raw", [b"", b"\n", "gehéim".encode(), b"a\tb", b"a\nb", b"a\x7fb", b"x" * 513])
def test_what_no_client_id_or_secret_can_be(raw: bytes) -> None:
    """RFC 6749, appendix A: printable ASCII and nothing else."""
    assert client_value(raw) is None


@pytest.mark.parametrize("text", ["a b", "~!@#$%^&*()+=/\\\"'", "x" * 512])
def test_all_of_printable_ascii_is_sent_as_it_is(text: str) -> None:
    """Without the white space around it."""
    assert client_value(f" {text}\n".encode()) == text
