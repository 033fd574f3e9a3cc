"""The few shapes that the picture is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif"
COLORS = {
    "green": "#73bf69",
    "yellow": "#fade2a",
    "orange": "#ff9830",
    "red": "#f2495c",
    "dark-red": "#c4162a",
    "blue": "#5794f2",
    "purple": "#b877d9",
    "text": "#ccccdc",
}
PALETTE = (
    *("#73bf69", "#fade2a", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#e0b400", "#56a64b", "#fa6400"),
    *("#ffa6b0", "#3274d9", "#c8f2c2", "#8f3bb8"),
)
PAGE, PANEL, EDGE, GRID, TEXT, FAINT = "#111217", "#181b1f", "#26292f", "#2a2d34", "#d2d3dc", "#8e9099"
LETTER = 0.58
"""Width of a letter on average, as a share of the font's size."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    def inset(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """What is left of it inside of margins."""
        return Box(self.x + left, self.y + top, self.width - left - right, self.height - top - bottom)


def color(name: str) -> str:
    """A color by the name that Grafana gives it."""
    return COLORS.get(name, name)


def mixed(share: float, low: str = PANEL, high: str = "#ff780a") -> str:
    """A color between two others."""
    pairs = [(int(low[at : at + 2], 16), int(high[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(one + (other - one) * share):02x}" for one, other in pairs)


def number(value: float) -> str:
    """A coordinate, as short as can be."""
    return f"{value:.1f}".removesuffix(".0")


def width_of(text: str, size: float) -> float:
    """About how wide a text is."""
    return len(text) * size * LETTER


def cut(text: str, width: float, size: float) -> str:
    """A text that fits."""
    room = int(width / (size * LETTER))
    return text if len(text) <= room else f"{text[: max(1, room - 1)]}…"


def rect(box: Box, fill: str, *, edge: str = "", radius: float = 0) -> str:
    """A filled rectangle."""
    more = (f' stroke="{edge}"' if edge else "") + (f' rx="{number(radius)}"' if radius else "")
    size = f'width="{number(max(0.0, box.width))}" height="{number(box.height)}"'
    return f'<rect x="{number(box.x)}" y="{number(box.y)}" {size} fill="{fill}"{more}/>'


def line(one: Point, other: Point, stroke: str) -> str:
    """A thin straight line."""
    ends = " ".join(f'{axis}="{number(at)}"' for axis, at in zip(("x1", "y1", "x2", "y2"), (*one, *other), strict=True))
    return f'<line {ends} stroke="{stroke}"/>'


def path(points: Iterable[Point], stroke: str) -> str:
    """A line through points."""
    return f'<path d="{_through(points)}" fill="none" stroke="{stroke}" stroke-width="1.3" stroke-linejoin="round"/>'


def area(points: Iterable[Point], fill: str, opacity: float) -> str:
    """A filled shape."""
    return f'<path d="{_through(points)}z" fill="{fill}" fill-opacity="{opacity}"/>'


def _through(points: Iterable[Point]) -> str:
    kept: list[Point] = []
    for point in points:
        # What lies on a level line says nothing new.
        if len(kept) > 1 and number(kept[-2][1]) == number(kept[-1][1]) == number(point[1]):
            kept.pop()
        kept.append(point)
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in kept)


def text(at: Point, line: str, size: float, fill: str = TEXT, *, anchor: str = "start", bold: bool = False) -> str:
    """A line of text; ``at`` is on its base line."""
    more = (f' text-anchor="{anchor}"' if anchor != "start" else "") + (' font-weight="600"' if bold else "")
    place = f'x="{number(at[0])}" y="{number(at[1])}"'
    return f'<text {place} font-size="{number(size)}" fill="{fill}"{more}>{escape(line, quote=False)}</text>'


def document(width: float, height: float, shapes: Iterable[str]) -> str:
    """The whole picture."""
    size = f'width="{number(width)}" height="{number(height)}" viewBox="0 0 {number(width)} {number(height)}"'
    body = "\n".join(shapes)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">\n{body}\n</svg>\n'
