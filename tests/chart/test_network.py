"""Whom the pods may talk with, in both flavors."""

import helm_python
from tests.chart.rendering import Json, Rendered, render, selected

CILIUM = {"enabled": True, "flavor": "Cilium"}


def policy(chart: helm_python.Chart, **values: object) -> tuple[Json, Rendered]:
    """The spec of the policy, and everything around it."""
    rendered = render(chart, {"networkPolicy": {"enabled": True, **values}})
    (found,) = rendered.of("NetworkPolicy", "CiliumNetworkPolicy")
    return found["spec"], rendered


def test_there_is_none_unless_asked_for(chart: helm_python.Chart) -> None:
    """And one of the two, then."""
    assert render(chart, {}).of("NetworkPolicy", "CiliumNetworkPolicy") == []


def test_it_holds_for_the_operator_and_for_the_uninstall_hook(chart: helm_python.Chart) -> None:
    """The hook must reach the API server in a namespace that allows nothing by itself; the test asks the operator."""
    plain, rendered = policy(chart)
    cilium, _ = policy(chart, flavor="Cilium")

    assert plain["policyTypes"] == ["Ingress", "Egress"]
    assert selected(plain["podSelector"]["matchLabels"], rendered) == {"operator", "uninstall"}
    assert cilium["endpointSelector"] == plain["podSelector"]


def test_only_dns_the_api_server_and_box_can_be_reached(chart: helm_python.Chart) -> None:
    """On their ports; with addresses where somebody knows them."""
    spec, _ = policy(chart, apiServer={"cidrs": ["10.0.0.1/32"]}, box={"cidrs": ["198.51.100.0/24"]})

    dns, api, box = spec["egress"]
    assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert dns["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    assert api == {
        "ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}],
        "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
    }
    assert box == {"ports": [{"port": 443, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}


def test_where_no_address_is_known_the_ports_are_the_bound(chart: helm_python.Chart) -> None:
    """An empty list of peers would allow everything as well, and look as if it did not."""
    spec, _ = policy(chart)

    assert ["to" in rule for rule in spec["egress"]] == [True, False, False]
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {53, 443, 6443}


def test_only_probes_and_metrics_can_be_asked_for(chart: helm_python.Chart) -> None:
    """By everybody, or by those who are named."""
    prometheus = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}

    anybody, _ = policy(chart)
    somebody, _ = policy(chart, ingressFrom=[prometheus])

    assert anybody["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}]}]
    assert somebody["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}], "from": [prometheus]}]


def test_with_cilium_names_are_the_bound(chart: helm_python.Chart) -> None:
    """The shape is that of cilium.io/v2; ports are text there.

    Source: docs.cilium.io, Network Policy, "DNS based" and "Entities based".
    """
    spec, rendered = policy(chart, flavor="Cilium", console={"hosts": ["console.example.com"], "ports": [8443]})

    assert rendered.one("CiliumNetworkPolicy")["apiVersion"] == "cilium.io/v2"
    dns, api, box, console = spec["egress"]
    assert dns["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}
    assert dns["toPorts"][0]["ports"] == [{"port": "53", "protocol": "ANY"}]
    assert dns["toEndpoints"][0]["matchLabels"]["k8s:io.kubernetes.pod.namespace"] == "kube-system"
    assert api["toEntities"] == ["kube-apiserver"]
    assert box == {
        "toFQDNs": [{"matchName": "api.box.com"}],
        "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}],
    }
    assert console["toFQDNs"] == [{"matchName": "console.example.com"}]
    assert console["toPorts"] == [{"ports": [{"port": "8443", "protocol": "TCP"}]}]
    assert spec["ingress"] == [
        {"fromEntities": ["cluster"], "toPorts": [{"ports": [{"port": "8080", "protocol": "TCP"}]}]}
    ]


def test_with_cilium_peers_are_endpoints(chart: helm_python.Chart) -> None:
    """A console endpoint inside of the cluster has no address that a name leads to from outside of its Service."""
    console = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "platform", "app": "box-console"}}
    prometheus = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "monitoring"}}

    spec, _ = policy(chart, **CILIUM, console={"to": [console]}, ingressFrom=[prometheus], box={"hosts": ["*.box.com"]})

    assert spec["egress"][-1]["toEndpoints"] == [console]
    assert spec["ingress"][0]["fromEndpoints"] == [prometheus]
    assert spec["egress"][2]["toFQDNs"] == [{"matchPattern": "*.box.com"}]
