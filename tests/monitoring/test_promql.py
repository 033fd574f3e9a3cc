"""The small reader of PromQL that the other tests stand on."""

from tests.monitoring import promql


def test_series_are_all_words_that_nothing_else_explains() -> None:
    """Neither functions, nor labels, nor what is inside of strings, selectors and ranges."""
    expression = (
        'sum by (a, b) (rate(one_total{c=~"x{}|y"}[5m])) / 2e3 unless on (a) two{d!="z"} offset 15m or vector(0)'
    )

    assert promql.series(expression) == {"one_total", "two"}


def test_labels_are_those_of_selectors_and_lists() -> None:
    """Wherever they stand."""
    expression = 'sum by (a, b) (rate(one_total{c=~"x{}|y"}[5m])) unless on (a) two{d!="z", e="}"}'

    assert promql.labels(expression) == {"a", "b", "c", "d", "e"}


def test_a_series_that_does_not_exist_is_seen() -> None:
    """A name with a slip in it is no part of the language."""
    assert promql.series("max(box_app_operatr_leader)") == {"box_app_operatr_leader"}
