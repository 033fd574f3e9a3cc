"""Numbers for people: units, round numbers on an axis, and where a value lies on it."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
BYTES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
AMOUNTS = ((1e6, "Mil"), (1e3, "K"), (1.0, ""))
SUFFIXES = {"reqps": " req/s", "ops": " ops/s", "opm": " ops/min"}
ROUND_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
LOG_TIMES = (1, 10, 60, 600, 3600, 86400, 864000, 8640000)
MAX_TICKS = 4


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """A value with its unit, as short as it can be read."""
    if unit == "percentunit":
        return f"{value * 100:.{decimals or 0}f}%"
    if unit in ("s", "bytes"):
        return _scaled(value, TIMES if unit == "s" else BYTES)
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return _scaled(value, AMOUNTS) + SUFFIXES.get(unit, "")


def _scaled(value: float, sizes: tuple[tuple[float, str], ...]) -> str:
    """The number in the largest unit of which it has one; nothing at all is shown in the plain one."""
    plain = next(entry for entry in sizes if entry[0] == 1.0)
    size, name = next((entry for entry in sizes if abs(value) >= entry[0] * 0.9995), sizes[-1]) if value else plain
    text = f"{value / size:.3g}" if abs(value / size) < 1000 else f"{value / size:.0f}"
    return f"{text} {name.strip()}".rstrip()


@dataclass(frozen=True, slots=True)
class Axis:
    """From a value to a share of the height between 0 and 1."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where a value lies."""
        if self.logarithmic:
            value = max(value, self.low)
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def axis_for(values: list[float], unit: str, *, logarithmic: bool = False, whole: bool = False) -> Axis:
    """An axis on which all values have room; from zero on, unless it is logarithmic."""
    if logarithmic:
        return _logarithmic([value for value in values if value > 0] or [1.0])
    top = max([*values, 0.0]) or 1.0
    step = _round_up(top / MAX_TICKS, unit)
    if whole:
        step = max(1.0, math.ceil(step))
    count = math.ceil(top / step - 1e-9)
    return Axis(0.0, max(top * 1.03, step * count), tuple(step * number for number in range(count + 1)))


def _logarithmic(values: list[float]) -> Axis:
    low, high = min(values) / 1.5, max(values) * 1.5
    return Axis(low, high, tuple(float(tick) for tick in LOG_TIMES if low <= tick <= high), logarithmic=True)


def _round_up(step: float, unit: str) -> float:
    if unit == "s" and step > 1:
        return float(next((seconds for seconds in ROUND_TIMES if seconds >= step), math.ceil(step / 86400) * 86400))
    if unit == "bytes":
        return float(2 ** math.ceil(math.log2(step)))
    size = 10.0 ** math.floor(math.log10(step))
    return next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= step * 0.999)


def moments(start: float, end: float) -> list[tuple[float, str]]:
    """Times on the axis, and how they read."""
    step = next((seconds for seconds in ROUND_TIMES if seconds >= 60 and (end - start) / seconds <= 6), ROUND_TIMES[-1])
    first = math.ceil(start / step) * step
    found = [float(moment) for moment in range(first, math.floor(end) + 1, step)]
    return [(moment, datetime.fromtimestamp(moment, UTC).strftime("%H:%M")) for moment in found]
