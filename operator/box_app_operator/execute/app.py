"""Doing, about the app itself: through the console endpoint, and noted in the listing at once."""

from box_app_operator.cache.apps import Listing
from box_app_operator.errors import StalledError
from box_app_operator.model.conditions import Reason
from box_app_operator.model.steps import ClaimApp, CreateApp, DeleteApp, RenameApp, SetCorsDomains, SubmitApp
from box_app_operator.ports import Console


async def change_app(
    step: CreateApp | ClaimApp | RenameApp | SetCorsDomains | SubmitApp | DeleteApp, console: Console, listing: Listing
) -> str:
    """Do it; says for the log what was done."""
    match step:
        case CreateApp(name, reference, key):
            app = await console.create_app(name, reference, key)
            listing.restore(app)
            if app.owner_uid != key:
                message = "The console answers with the app of another BoxCustomApp instead of registering one."
                raise StalledError(Reason.MANAGED_ELSEWHERE, message)
            return f"registered app {app.id}"
        case ClaimApp(app_id, reference, revision):
            listing.restore(await console.claim_app(app_id, reference, revision))
            return f"took over app {app_id}"
        case RenameApp(app_id, name):
            listing.update(await console.rename_app(app_id, name))
            return f"renamed app {app_id}"
        case SetCorsDomains(app_id, domains):
            listing.update(await console.set_cors_domains(app_id, domains))
            return f"set {len(domains)} CORS domains of app {app_id}"
        case SubmitApp(app_id):
            listing.update(await console.submit_app(app_id))
            return f"submitted app {app_id} to the Box admin"
        case DeleteApp(app_id):
            await console.delete_app(app_id)
            listing.drop(app_id)
            return f"deleted app {app_id}"
