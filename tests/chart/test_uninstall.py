"""An uninstall must not strand finalizers: a Job looks first, with rights of its own that come and go with it."""

import click
import helm_python
import pytest
from tests.chart.rendering import NAMESPACE, VALUE_SETS, Json, Rendered, hook_of, render
from tests.chart.rights import WHOLE, granted

from box_app_operator.cli import main

ACCOUNT = {"kind": "ServiceAccount", "name": "box-app-operator-uninstall", "namespace": NAMESPACE}
LIST = ("boxapps.dev", "boxcustomapps", "list", None)
PATCH = ("boxapps.dev", "boxcustomapps", "patch", None)
LIST_ENTERPRISES = ("boxapps.dev", "boxenterprises", "list", None)
OF_ENTERPRISES = {LIST_ENTERPRISES, ("boxapps.dev", "boxenterprises", "patch", None)}
STOP = {("apps", "deployments/scale", "patch", "box-app-operator"), ("", "pods", "list", None)}
RELEASE = {"uninstall": {"policy": "ReleaseFinalizers"}}
LIST_OF_TWO = {"watchNamespaces": ["a", "b"]}
BOTH = {**RELEASE, **LIST_OF_TWO}
LEADS = f"--lease={NAMESPACE}/leader"
LEADER = {"leaderElection": {"leaseName": "leader"}}
DEPLOYMENT = f"--deployment={NAMESPACE}/box-app-operator"
LEASE = f"--lease={NAMESPACE}/box-app-operator"
"""Which installation it is: others may hold BoxEnterprises for the apps that they see."""


def hooks(rendered: Rendered) -> list[Json]:
    """What is made before an uninstall, in the order in which Helm makes it."""
    found = [body for body in rendered.objects if hook_of(body) == "pre-delete"]
    return sorted(found, key=lambda body: int(body["metadata"]["annotations"]["helm.sh/hook-weight"]))


def arguments(rendered: Rendered) -> list[str]:
    """What the Job runs."""
    (container,) = rendered.one("Job")["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["box-app-operator"]
    return list(container["args"])


def test_the_job_comes_last_and_its_rights_before_it(chart: helm_python.Chart) -> None:
    """Account, roles, bindings, Job; also when it takes more of them."""
    for values in ({}, RELEASE, LIST_OF_TWO, {**RELEASE, **LIST_OF_TWO}):
        kinds = [body["kind"].removeprefix("Cluster") for body in hooks(render(chart, values))]
        order = sorted(kinds, key=["ServiceAccount", "Role", "RoleBinding", "Job"].index)
        assert kinds == order
        assert (kinds[0], kinds[-1]) == ("ServiceAccount", "Job")


def test_nothing_of_the_hook_stays_but_a_job_that_failed(rendered: Rendered) -> None:
    """Helm deletes what worked; what is left of an earlier try is no obstacle."""
    for body in hooks(rendered):
        policy = body["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
        assert policy == "before-hook-creation,hook-succeeded"


@pytest.mark.parametrize(
    ("values", "args"),
    [
        ({}, ["uninstall", "--policy=refuse"]),
        (LIST_OF_TWO, ["uninstall", "--policy=refuse", "--namespaces=a,b", LEASE]),
        ({**LIST_OF_TWO, **LEADER}, ["uninstall", "--policy=refuse", "--namespaces=a,b", LEADS]),
        (RELEASE, ["uninstall", "--policy=release-finalizers", DEPLOYMENT]),
        (BOTH, ["uninstall", "--policy=release-finalizers", "--namespaces=a,b", LEASE, DEPLOYMENT]),
        ({**LIST_OF_TWO, "crds": {"keep": False}}, ["uninstall", "--policy=refuse"]),
    ],
)
def test_the_job_is_told_what_was_chosen(chart: helm_python.Chart, values: Json, args: list[str]) -> None:
    """Without the schemas every app of the cluster would go: then all of them count."""
    assert arguments(render(chart, values)) == args


@pytest.mark.parametrize(
    ("values", "rights"),
    [
        ({}, {WHOLE: {LIST, LIST_ENTERPRISES}}),
        (LIST_OF_TWO, {WHOLE: {LIST_ENTERPRISES}, "a": {LIST}, "b": {LIST}}),
        ({**LIST_OF_TWO, "crds": {"keep": False}}, {WHOLE: {LIST, LIST_ENTERPRISES}}),
        (RELEASE, {WHOLE: {LIST, PATCH, *OF_ENTERPRISES}, NAMESPACE: STOP}),
        (BOTH, {WHOLE: OF_ENTERPRISES, "a": {LIST, PATCH}, "b": {LIST, PATCH}, NAMESPACE: STOP}),
    ],
)
def test_the_job_may_do_what_it_is_told_and_no_more(chart: helm_python.Chart, values: Json, rights: Json) -> None:
    """It looks, and only where it was chosen it writes."""
    assert granted(render(chart, values), ACCOUNT) == rights


def test_the_job_tries_once_and_has_an_end(rendered: Rendered) -> None:
    """A refusal is an answer: asking again would only keep people waiting."""
    for job in rendered.of("Job"):
        assert job["spec"]["backoffLimit"] == 0
        assert 0 < job["spec"]["activeDeadlineSeconds"] < 300
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_whoever_ignores_it_has_no_hook(chart: helm_python.Chart) -> None:
    """Neither the Job nor its rights."""
    assert hooks(render(chart, {"uninstall": {"policy": "Ignore"}})) == []


@pytest.mark.parametrize("values", [{}, RELEASE, LIST_OF_TWO, VALUE_SETS["everything"]])
def test_the_operator_knows_the_command(chart: helm_python.Chart, values: Json) -> None:
    """With these flags."""
    _, *flags = arguments(render(chart, values))

    context = main.commands["uninstall"].make_context("uninstall", flags)

    assert isinstance(context, click.Context)
