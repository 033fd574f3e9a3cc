"""What the demo plays: the examples, what the admin does about each app, how each must end. No I/O but files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from playground.cluster import ROOT

EXAMPLES = ROOT / "examples"
ORDER = ("Namespace", "BoxEnterprise", "BoxCustomApp")


@dataclass(frozen=True, slots=True)
class Part:
    """The part of one app.

    Attributes:
        decision: what the Box admin does once the app is submitted; None: it never gets that far.
        outcome: reason of the condition ``Ready`` in the end.
        name_taken: does an app of another enterprise have the app's name?
    """

    decision: Literal["authorize", "decline"] | None = "authorize"
    outcome: str = "Ready"
    name_taken: bool = False


Story = Mapping[str, Part]
"""Parts by the name of the BoxCustomApp. An app without a part is authorized and must become Ready."""

STORY: Story = {
    "invoices": Part(),
    "portal": Part(),
    "crm-sync": Part(decision=None, outcome="NameTaken", name_taken=True),
    "scratch": Part(decision="decline", outcome="Declined"),
}


@dataclass(frozen=True, slots=True)
class App:
    """An example app and its part."""

    manifest: dict[str, Any]
    part: Part

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def display_name(self) -> str:
        """Its name in Box."""
        return str(self.manifest["spec"]["displayName"])

    @property
    def domains(self) -> list[str]:
        """Its CORS domains."""
        return list(self.manifest["spec"].get("cors", {}).get("domains", ()))


def read_examples(folder: Path = EXAMPLES) -> list[dict[str, Any]]:
    """Every manifest in ``folder``, in the order in which they can be created."""
    documents = [
        document for file in sorted(folder.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())
    ]
    return sorted(documents, key=lambda manifest: ORDER.index(manifest["kind"]))


def apps_of(manifests: list[dict[str, Any]], story: Story) -> list[App]:
    """The apps among manifests, in the order of the story."""
    apps = [
        App(manifest, story.get(manifest["metadata"]["name"], Part()))
        for manifest in manifests
        if manifest["kind"] == "BoxCustomApp"
    ]
    names = list(story)
    return sorted(apps, key=lambda app: names.index(app.name) if app.name in names else len(names))


def point_to(manifest: dict[str, Any], url: str) -> None:
    """Have a BoxEnterprise speak with the Box at this URL."""
    manifest["spec"]["console"]["url"] = url
    manifest["spec"]["platform"] = {**manifest["spec"].get("platform", {}), "url": url}
