"""All modes, by name: the one place to register another. Pure."""

from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Mode
from box_app_operator.modes.assisted.decide import AssistedRules
from box_app_operator.modes.automated.decide import AutomatedRules
from box_app_operator.modes.client_credentials.decide import ClientCredentialsRules
from box_app_operator.modes.common.rules import ModeRules

RULES: dict[Mode, ModeRules] = {
    Mode.AUTOMATED: AutomatedRules(),
    Mode.ASSISTED: AssistedRules(),
    Mode.CLIENT_CREDENTIALS: ClientCredentialsRules(),
}
"""What each mode decides."""


def mode_of(desired: Desired, *, has_console: bool) -> Mode:
    """The mode of an object, from its authentication and from what its enterprise has."""
    if desired.grant is not None:
        return Mode.CLIENT_CREDENTIALS
    return Mode.AUTOMATED if has_console else Mode.ASSISTED
