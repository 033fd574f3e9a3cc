"""Did every app end as it must? Asks Box and the Secret, and does not believe the status alone."""

from collections.abc import Iterator

import httpx

from demo.apps.progress import Progress
from playground.box import Box

KEYS = {"BOX_APP_TOKEN", "BOX_CLIENT_ID", "BOX_TOKEN_SLOT", "BOX_TOKEN_EXPIRES_AT"}


def differences(progress: Progress, box: Box) -> list[str]:
    """What is not as it must be, one sentence each."""
    if progress.outcome != progress.app.part.outcome:
        message = progress.conditions.get("Ready", {}).get("message", "There is no condition Ready.")
        return [f"expected {progress.app.part.outcome}, got {progress.outcome}: {message}"]
    return list(_of_ready(progress, box) if progress.outcome == "Ready" else _of_others(progress, box))


def _of_ready(progress: Progress, box: Box) -> Iterator[str]:
    if progress.secret is None:
        yield "it is Ready, and there is no Secret"
        return
    if set(progress.secret_values) != KEYS:
        yield f"the Secret has the keys {', '.join(sorted(progress.secret_values))}"
    if progress.fingerprint != progress.status.get("tokens", {}).get("active", {}).get("fingerprint"):
        yield "the token in the Secret is not the one in the status"
    code = _ask_box(box, progress.secret_values.get("BOX_APP_TOKEN", ""))
    if code != httpx.codes.OK:
        yield f"Box answers {code} to the token in the Secret"
    app = box.app(progress.app.display_name)
    if app is None or sorted(app["cors_domains"]) != sorted(progress.app.domains):
        yield "the CORS domains in Box are not those of the manifest"


def _of_others(progress: Progress, box: Box) -> Iterator[str]:
    if progress.secret is not None:
        yield "it has a Secret, and must not have one"
    app = box.app(progress.app.display_name)
    if app is not None and any(app["tokens"].values()):
        yield "it has a token in Box, and must not have one"


def _ask_box(box: Box, token: str) -> int:
    """Box's answer to the token's own question: who am I?"""
    return httpx.get(f"{box.url}/2.0/users/me", headers={"Authorization": f"Bearer {token}"}).status_code
