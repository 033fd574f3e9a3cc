"""As much of PromQL as it takes to see which series and labels an expression speaks of. Prometheus itself is asked for
the rest, where it is to be had."""

import re

FUNCTIONS = {
    *("abs", "absent", "avg", "count", "histogram_quantile", "increase", "max", "max_over_time", "min"),
    *("min_over_time", "rate", "sum", "vector"),
}
WORDS = {"and", "or", "unless", "offset", "by", "on", "without", "ignoring"}
_STRING = r'"(?:[^"\\]|\\.)*"'
_LISTS = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
_SELECTORS = re.compile(r"\{([^}]*)\}")
_MATCHERS = re.compile(rf"(\w+)\s*(?:=~|!~|!=|=)\s*({_STRING})")


def labels(expression: str) -> set[str]:
    """Every label that is matched, or that something is grouped by."""
    lists = [name.strip() for found in _LISTS.findall(expression) for name in found.split(",")]
    return {*lists, *(name for name, _ in matchers(expression))} - {""}


def matchers(expression: str) -> list[tuple[str, str]]:
    """Labels and the values, or patterns, that they are compared with."""
    # A brace inside of a string must not end the selector.
    flat = re.sub(_STRING, lambda found: found[0].replace("{", "(").replace("}", ")"), expression)
    return [(name, value[1:-1]) for inside in _SELECTORS.findall(flat) for name, value in _MATCHERS.findall(inside)]


def series(expression: str) -> set[str]:
    """The names of all series: every word that is neither a function nor a part of the language."""
    bare = re.sub(r"\[[^\]]*\]", " ", _LISTS.sub(" ", _SELECTORS.sub(" ", re.sub(_STRING, '""', expression))))
    bare = re.sub(r"\b\d[\w.]*", " ", bare)
    return set(re.findall(r"[A-Za-z_:][\w:]*", bare)) - FUNCTIONS - WORDS
