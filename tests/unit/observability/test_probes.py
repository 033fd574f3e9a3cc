"""What the process answers about itself over HTTP."""

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from box_app_operator.observability.probes import AddressError, Probes, serve_health


async def test_probes_and_metrics_are_served() -> None:
    """Yes at first, and then whatever whoever knows says: each path by its own check."""
    registry, probes = CollectorRegistry(), Probes()
    Counter("looks", "How often.", registry=registry).inc()
    async with serve_health("127.0.0.1", 0, probes, registry) as port, aiohttp.ClientSession() as client:

        async def get(path: str) -> tuple[int, str]:
            async with client.get(f"http://127.0.0.1:{port}{path}") as response:
                return response.status, await response.text()

        assert await get("/healthz") == await get("/readyz") == (200, "ok\n")
        probes.follow(alive=lambda: True, ready=lambda: False)
        assert (await get("/healthz"), await get("/readyz")) == ((200, "ok\n"), (503, "not yet\n"))
        probes.follow(alive=lambda: False, ready=lambda: True)
        assert ((await get("/healthz"))[0], (await get("/readyz"))[0]) == (503, 200)
        status, text = await get("/metrics")
        assert (status, "looks_total 1.0" in text) == (200, True)

        with pytest.raises(AddressError, match=f"127.0.0.1:{port}: "):
            async with serve_health("127.0.0.1", port, probes, registry):
                pytest.fail("the address is taken")
