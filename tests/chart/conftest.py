"""The chart, rendered as Helm renders it.

``pytest tests/chart --renew-golden`` writes ``tests/chart/golden`` and the table in the chart's README anew. Then read
the difference: it is what every user of the chart gets.
"""

from collections.abc import Iterator

import helm_python
import pytest
from tests.chart.rendering import CHART, VALUE_SETS, Rendered, render


def pytest_addoption(parser: pytest.Parser) -> None:
    """The way to accept a change."""
    parser.addoption("--renew-golden", action="store_true", help="Write the chart's golden files anew.")


@pytest.fixture
def renew(request: pytest.FixtureRequest) -> bool:
    """Shall golden files be written, rather than compared?"""
    return bool(request.config.getoption("--renew-golden", default=False))


@pytest.fixture(scope="session")
def chart() -> Iterator[helm_python.Chart]:
    """The chart as it lies in the repository."""
    with helm_python.Chart.load(CHART) as chart:
        yield chart


@pytest.fixture(params=sorted(VALUE_SETS))
def value_set(request: pytest.FixtureRequest) -> str:
    """The name of each set of values in turn."""
    return str(request.param)


@pytest.fixture
def rendered(chart: helm_python.Chart, value_set: str) -> Rendered:
    """The chart, rendered with each set of values in turn."""
    return render(chart, VALUE_SETS[value_set])
