"""Settings and the command line: every problem at once, in words that say which flag or variable."""

import subprocess
import sys
from datetime import timedelta

import pytest
from click.testing import CliRunner

from box_app_operator.cli import main
from box_app_operator.config import Settings, SettingsError, read_settings

PREFIX = "BOX_APP_OPERATOR_"


def test_nothing_said_means_the_defaults() -> None:
    """Other people's variables are none of ours."""
    assert read_settings({}, {"HOME": "/", "BOX_TOKEN": "x"}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("namespaces", "a, b,,", ("a", "b")),
        ("namespaces", "", ()),
        ("kubeconfig", "/tmp/config", "/tmp/config"),
        ("log_format", "PLAIN", "plain"),
        ("log_level", "debug", "DEBUG"),
        ("health_address", "127.0.0.1:0", "127.0.0.1:0"),
        ("workers", " 4 ", 4),
        ("box_timeout", "5s", timedelta(seconds=5)),
        ("outage_grace", "0s", timedelta()),
        ("status_pause", "1m30s", timedelta(seconds=90)),
        ("backoff_base", "250ms", timedelta(milliseconds=250)),
        ("backoff_cap", "1h", timedelta(hours=1)),
    ],
)
def test_each_setting_is_read_from_either_place_and_the_flag_wins(name: str, text: str, expected: object) -> None:
    """A flag, a variable, or both."""
    variable = {PREFIX + name.upper(): text}

    assert getattr(read_settings({name: text}, {}), name) == expected
    assert getattr(read_settings({name: None}, variable), name) == expected
    assert getattr(read_settings({name: text}, {PREFIX + name.upper(): "?!"}), name) == expected


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("0.0.0.0:8080", "0.0.0.0", 8080), ("[::1]:0", "::1", 0), ("localhost:1", "localhost", 1)],
)
def test_the_health_address_has_a_host_and_a_port(address: str, host: str, port: int) -> None:
    """Also with an IPv6 host."""
    settings = read_settings({"health_address": address}, {})

    assert (settings.health_host, settings.health_port) == (host, port)


BAD = {
    "log_format": "xml",
    "log_level": "LOUD",
    "health_address": "8080",
    "workers": "0",
    "box_timeout": "0s",
    "outage_grace": "soon",
    "status_pause": "5",
    "backoff_base": "-1s",
    "backoff_cap": "99999999999999d",
}


@pytest.mark.parametrize(
    ("name", "text"), [*BAD.items(), ("workers", "1001"), ("workers", "many"), ("health_address", "a:70000")]
)
def test_a_bad_setting_is_named_after_where_it_stands(name: str, text: str) -> None:
    """The flag as it was written, or the variable."""
    with pytest.raises(SettingsError) as of_flag:
        read_settings({name: text}, {})
    with pytest.raises(SettingsError) as of_variable:
        read_settings({}, {PREFIX + name.upper(): text})

    assert of_flag.value.problems[0].startswith(f"--{name.replace('_', '-')}: ")
    assert of_variable.value.problems[0].startswith(f"{PREFIX}{name.upper()}: ")
    assert text in of_flag.value.problems[0]


def test_every_problem_is_told_at_once() -> None:
    """Nobody should have to start the operator nine times to learn nine things."""
    environment = {PREFIX + "WORKRES": "3", PREFIX + "COLOUR": "red"}
    with pytest.raises(SettingsError) as caught:
        read_settings(BAD, environment)

    assert len(caught.value.problems) == len(BAD) + 2
    assert caught.value.problems[-2:] == [f"{PREFIX}COLOUR: no such setting", f"{PREFIX}WORKRES: no such setting"]


def test_a_malformed_command_line_ends_with_one_message_and_code_2() -> None:
    """Before anything is loaded or connected."""
    result = CliRunner().invoke(
        main, ["run", "--workers", "none", "--log-format", "xml"], env={PREFIX + "BOX_TIMEOUT": "x"}
    )

    assert result.exit_code == 2
    assert result.output.count("The configuration cannot be used") == 1
    for word in ("--workers", "'none'", "--log-format", "'xml'", f"{PREFIX}BOX_TIMEOUT", "'x'"):
        assert word in result.output


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["run", "--workers", "none"]])
def test_help_and_refusal_load_no_client(arguments: list[str]) -> None:
    """--help answers at once: kopf, httpx and kubernetes stay unloaded."""
    program = (
        "import sys\n"
        "from box_app_operator.cli import main\n"
        f"try: main({arguments!r}, prog_name='box-app-operator')\n"
        "finally: print([m for m in ('kopf', 'httpx', 'kubernetes', 'aiohttp') if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)

    assert done.stderr.strip().splitlines()[-1] == "[]"
