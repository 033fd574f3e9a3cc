"""docs/monitoring.md names everything that the operator exports and logs, and nothing else."""

import re

from tests.monitoring.sources import FILES, PAGE, ROOT, anchors, families, process_series

KINDS = {"counter": "counter", "gauge": "gauge", "histogram": "histogram", "gaugehistogram": "gauge histogram"}


def test_every_metric_stands_in_the_table() -> None:
    """With its kind and its labels; and no other does."""
    rows = re.findall(r"^\| `(box_app_operator_\w+)` \| ([\w ]+) \|([^|]*)\|", PAGE, re.MULTILINE)
    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}

    assert len(listed) == len(rows)
    assert listed == {
        family.name + ("_total" if family.kind == "counter" else ""): (KINDS[family.kind], set(family.labels))
        for family in families()
    }


def test_the_page_speaks_of_no_other_metric() -> None:
    """Neither in a sentence nor in a query."""
    known = {name for family in families() for name in (family.name, *family.series)}

    assert set(re.findall(r"\b(box_app_operator_\w+)", PAGE)) - known == set()
    assert set(re.findall(r"`(process_\w+)`", PAGE)) == process_series()


def test_the_picture_is_there() -> None:
    """And is one."""
    (name,) = re.findall(r"!\[[^\]]+\]\((images/[\w.-]+)\)", PAGE)

    assert (ROOT / "docs" / name).read_text().startswith("<svg ")


def test_the_page_speaks_of_values_that_the_chart_has() -> None:
    """For what is made there for monitoring."""
    values = (FILES.parent / "values.yaml").read_text()
    named = re.findall(r"`((?:serviceMonitor|podMonitor|prometheusRule|dashboard|settings|service)\.\w+)`", PAGE)

    assert named
    for name in named:
        section, key = name.split(".")
        assert re.search(rf"^{section}:\n(?:  .*\n|\n)*?  {key}:", values, re.MULTILINE), name


def test_links_inside_of_the_page_lead_somewhere() -> None:
    """Also those to files of the repository."""
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors()
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE):
        if not target.startswith("http"):
            assert (ROOT / "docs" / target).exists(), target
