"""Does Box say whose a key is? Whether App Tokens may ask is documented nowhere, so each enterprise finds it out."""

from box_app_operator.errors import TransientError
from box_app_operator.model.platform_view import Identity, Verdict
from box_app_operator.ports import Platform, Token


class Identities:
    """What is known of one enterprise, for as long as the process runs.

    Attributes:
        answers: True once Box said it of a key of any app, and ever after; False since it did not; None before.
    """

    def __init__(self) -> None:
        self.answers: bool | None = None
        self._due = False

    def resync(self) -> None:
        """Where Box did not say it, one key may be asked about again."""
        self._due = True

    def may_ask_again(self) -> bool:
        """Is a key worth asking about that was published before? Where Box did not say it, one in each resync is."""
        if self.answers is not False:
            return True
        due, self._due = self._due, False
        return due

    async def ask(self, platform: Platform, token: Token) -> Identity | Verdict | None:
        """Whose is this token? A verdict when Box refuses the token, None when it says anything else.

        Raises:
            TransientError: no answer, or Box asked for a pause.
        """
        try:
            return await platform.identify(token)
        except TransientError as error:
            if error.unreachable or not error.uncertain:
                raise
            return None

    def note(self, answer: Identity | Verdict | None) -> None:
        """This is what Box said of a key that it accepts. Of a person's token it always says whose it is."""
        if not isinstance(answer, Identity):
            self.answers = self.answers or False
        elif answer.app_id is not None:
            self.answers = True
