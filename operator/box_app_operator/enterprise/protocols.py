"""The ways to Box, as passes see them: what every enterprise offers, without how it is kept open."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from box_app_operator.api.spec import Body
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.identities import Identities
from box_app_operator.model.box import AdoptionEntry, Problem
from box_app_operator.ports import Console, Platform


class Link(Protocol):
    """The way to one enterprise. ``probed`` is False until Box answered, or failed to, for the first time.

    ``is_deleting`` tells that the BoxEnterprise was deleted, and is held only for the apps that use it.
    ``has_console`` is False in mode Assisted. ``enterprise_id`` is Box's id, None when the BoxEnterprise does not say.
    ``identities`` knows whether Box says whose a key is.
    """

    @property
    def probed(self) -> bool: ...  # noqa: D102 - see the class
    @property
    def listing(self) -> Listing: ...  # noqa: D102 - see the class
    @property
    def problem(self) -> Problem | None: ...  # noqa: D102 - see the class
    @property
    def console(self) -> Console | None: ...  # noqa: D102 - see the class
    @property
    def platform(self) -> Platform | None: ...  # noqa: D102 - see the class
    @property
    def is_deleting(self) -> bool: ...  # noqa: D102 - see the class
    @property
    def has_console(self) -> bool: ...  # noqa: D102 - see the class
    @property
    def enterprise_id(self) -> str | None: ...  # noqa: D102 - see the class
    @property
    def identities(self) -> Identities: ...  # noqa: D102 - see the class
    @property
    def selector(self) -> Body | None: ...  # noqa: D102 - see the class
    @property
    def adoption(self) -> tuple[AdoptionEntry, ...]: ...  # noqa: D102 - see the class

    def reconnect(self) -> None:
        """A credential was refused: look again."""


class Links(Protocol):
    """The ways to all enterprises."""

    def get(self, name: str) -> Link | None:
        """The way to the BoxEnterprise of this name, if there is one."""

    def kept(self, name: str) -> AbstractAsyncContextManager[None]:
        """Keep the BoxEnterprise from being removed while an app gets its finalizer, and afterwards for that app."""
