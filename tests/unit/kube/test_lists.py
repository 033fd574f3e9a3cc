"""Lists of what is there: all pages, all namespaces, and what cannot be told from them."""

import json
from typing import Any

import pytest

from box_app_operator.errors import ForbiddenError
from box_app_operator.kube.api import KubeError
from box_app_operator.kube.lists import KubeLists, Present
from box_app_operator.model.box import UID

REFUSED = KubeError("GET", 403, "Forbidden")


class FakeApi:
    """Answers with what is known of a namespace, by the rest of the path; an error is raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    async def read(self, path: str, *, query: Any, **_: Any) -> bytes:
        """Answer."""
        answer = self.answers[path.split("/")[-2] + query.get("continue", "")]
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer).encode()


def page(version: str, more: str = "", **uids: str) -> dict[str, Any]:
    """A page with the resource versions of these objects; of none the API server says null."""
    items = [{"metadata": {"name": uid, "uid": uid, "resourceVersion": of_object}} for uid, of_object in uids.items()]
    return {"metadata": {"resourceVersion": version, "continue": more}, "items": items or None}


async def test_everything_is_listed_to_the_end() -> None:
    """The whole is as old as its oldest part. One namespace that is refused is unknown; all of them are trouble."""
    api: Any = FakeApi(a=page("20", "2", x="3"), a2=page("20", y="4"), b=page("10"), gone=REFUSED, v1alpha1=REFUSED)

    found = await KubeLists(api, ("a", "b", "gone")).present("BoxCustomApp")

    assert found == Present(frozenset({UID("x"), UID("y")}), 10, frozenset({"gone"}), None, {UID("x"): 3, UID("y"): 4})
    with pytest.raises(ForbiddenError):
        await KubeLists(api, ()).present("BoxCustomApp")
