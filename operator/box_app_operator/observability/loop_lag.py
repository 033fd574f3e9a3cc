"""How late the event loop comes round: a call that blocks it freezes watching and working for everyone."""

from __future__ import annotations

import asyncio

from box_app_operator.observability.metrics import LOOP_LAG

PERIOD_SECONDS = 1.0


async def measure_lag() -> None:
    """Look until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PERIOD_SECONDS
        await asyncio.sleep(PERIOD_SECONDS)
        LOOP_LAG.observe(max(0.0, loop.time() - due))
