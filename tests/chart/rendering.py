"""Rendering the chart, and finding things in what comes out."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python
import yaml

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "box-app-operator"
RELEASE = NAMESPACE = "box-app-operator"
VALUE_SETS: Mapping[str, Json] = {
    file.stem: yaml.safe_load(file.read_text()) for file in (ROOT / "tests" / "chart" / "values").glob("*.yaml")
}


@functools.cache
def parsed(text: str) -> list[Json]:
    """The documents in a text. Many tests look at the same one, and the schemas alone take a quarter of a second."""
    return [body for body in yaml.safe_load_all(text) if body]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What Helm makes of the chart."""

    texts: Mapping[str, str]
    """By the path of the template; those that come out empty are left out."""

    @property
    def notes(self) -> str:
        """What Helm prints after the installation."""
        return self.texts["NOTES.txt"]

    @property
    def objects(self) -> list[Json]:
        """All objects, hooks and all. They are not to be changed."""
        return [body for path, text in self.texts.items() if path.endswith(".yaml") for body in parsed(text)]

    def of(self, *kinds: str) -> list[Json]:
        """The objects of these kinds."""
        return [body for body in self.objects if body["kind"] in kinds]

    def one(self, kind: str, name: str | None = None) -> Json:
        """The only object of this kind, or of this kind and name."""
        (found,) = (body for body in self.of(kind) if name is None or body["metadata"]["name"] == name)
        return found

    @property
    def container(self) -> Json:
        """The operator's container."""
        (container,) = self.one("Deployment")["spec"]["template"]["spec"]["containers"]
        return dict(container)

    def pods(self) -> Iterator[tuple[str, Json]]:
        """Kind of the owner and spec of every pod that there could be."""
        for body in self.of("Deployment", "Job"):
            yield body["kind"], body["spec"]["template"]["spec"]
        for body in self.of("Pod"):
            yield "Pod", body["spec"]


def render(chart: helm_python.Chart, values: Json, *, name: str = RELEASE, namespace: str = NAMESPACE) -> Rendered:
    """The chart with these values."""
    texts = chart.render(values, name=name, namespace=namespace)
    short = {path.removeprefix(f"{chart.name}/templates/"): text for path, text in texts.items()}
    return Rendered({path: text for path, text in sorted(short.items()) if text.strip()})


def hook_of(body: Json) -> str:
    """At which moment Helm makes the object; empty when it is an ordinary one."""
    return str((body["metadata"].get("annotations") or {}).get("helm.sh/hook", ""))


def labels_of_pods(rendered: Rendered) -> dict[str, Json]:
    """The labels of every kind of pod, by its container's name."""
    templates = [body["spec"]["template"] for body in rendered.of("Deployment", "Job")] + rendered.of("Pod")
    return {pod["spec"]["containers"][0]["name"]: pod["metadata"]["labels"] for pod in templates}


def selected(selector: Json, rendered: Rendered) -> set[str]:
    """The pods that these labels choose."""
    return {name for name, labels in labels_of_pods(rendered).items() if selector.items() <= labels.items()}
