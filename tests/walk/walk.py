"""The walk: give an object one value, wait for rest, judge; go back, wait, judge. Several objects go side by side."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest
from typing import Any

from tests.walk import oracles
from tests.walk.beat import Beat, await_rest
from tests.walk.edits import Book, Edit, key_of
from tests.walk.fields import Field
from tests.walk.known import is_known, is_too_slow
from tests.walk.oracles import BUGS
from tests.walk.report import Report
from tests.walk.subjects import Subject, View, abandon, await_ready
from tests.walk.values import Value

MAX_COMPANIONS = 60
NEEDS_OTHERS = ("known", "absent", "choice", "default", "example", "one", "as in status")
"""Values that are worth another try together with a neighbour that they need or exclude."""
Faults = Callable[[], list[dict[str, Any]]]
"""Makes up faults of Box."""


def never(_: Edit) -> bool:
    """No edit is the last one."""
    return False


class Prober:
    """Finds out which edits the API server takes, without doing any of them.

    Args:
        takes: would it take this spec?
    """

    def __init__(self, book: Book, base: dict[str, Any], takes: Callable[[dict[str, Any]], bool]) -> None:
        self._book = book
        self._base = base
        self._takes = takes

    def probe(self, field: Field, values: Sequence[Value]) -> Iterator[Edit | None]:
        """The edit for each value, None where it is refused; what would change nothing is left out."""
        base = self._prepared(field)
        for value in values:
            edit = self._book.edit(base, field, value)
            if edit.spec == self._base:
                continue
            yield self._taken(edit, field.path, value.kind in NEEDS_OTHERS)

    def _prepared(self, field: Field) -> dict[str, Any]:
        """A spec in which the field may stand at all."""
        edit = self._book.usual(self._base, field)
        found = self._taken(edit, field.path, with_others=True)
        return self._base if found is None or found is edit else found.spec

    def _taken(self, edit: Edit, path: tuple[str, ...], with_others: bool) -> Edit | None:
        if self._takes(edit.spec):
            return edit
        others = islice(self._book.companions(edit, path), MAX_COMPANIONS) if with_others else ()
        return next((other for other in others if self._takes(other.spec)), None)


class Walk:
    """A row of subjects of one kind, and what is found with them.

    Args:
        make: makes another subject.
        width: how many go side by side.
    """

    def __init__(self, make: Callable[[], Subject], width: int, report: Report) -> None:
        self._make = make
        self._report = report
        self._row = [make() for _ in range(width)]
        self._play = self._row[0].play
        self._beat = Beat(self._play)
        self._faults: Faults | None = None
        self._settle(self._row)
        self.base = self._row[0].template(self._row[0].spec)

    def taken(
        self, book: Book, fields: Sequence[Field], choose: Callable[[Field], Sequence[Value]], most: int
    ) -> list[Edit]:
        """The edits that the API server takes, in an order in which neighbours are of different fields.

        Args:
            choose: the values to try on a field.
            most: so many for each field, the first ones.
        """
        prober = Prober(book, self.base, self._row[0].takes)
        by_field = [list(islice(self._counted(prober.probe(field, choose(field)), field), most)) for field in fields]
        edits = (edit for edits in zip_longest(*by_field) for edit in edits if edit is not None)
        return list({key_of(edit.spec): edit for edit in edits}.values())

    def takes(self, edit: Edit) -> bool:
        """Would the API server take this edit, and is it to be tried?"""
        return not is_too_slow(edit.spec) and self._row[0].takes(edit.spec)

    def _counted(self, probed: Iterator[Edit | None], field: Field) -> Iterator[Edit]:
        for edit in probed:
            if edit is not None and is_too_slow(edit.spec):
                self._report.count(field.name, "left out")
                continue
            self._report.count(field.name, "tried", "refused" if edit is None else "accepted")
            if edit is not None:
                yield edit

    def run(self, edits: Sequence[Edit], last: Callable[[Edit], bool] = never, faults: Faults | None = None) -> None:
        """Walk over edits that are taken.

        Args:
            last: is the object deleted in the state that this edit leads to, instead of going back?
            faults: of Box, ordered for each time that edits are made. Those that did not happen until all rests end
                then, before anything is judged.
        """
        self._faults = faults
        for start in range(0, len(edits), len(self._row)):
            self._go(edits[start : start + len(self._row)], last)

    def end(self) -> None:
        """Delete all that is left, as it was in the beginning."""
        for subject in self._row:
            self._delete(subject)

    def _go(self, edits: Sequence[Edit], last: Callable[[Edit], bool]) -> None:
        going = {subject.ns: (subject, edit) for subject, edit in zip(self._row, edits, strict=False)}
        self._step(going, [(subject, edit.spec) for subject, edit in going.values()], back=False)
        ending = [(subject, edit) for subject, edit in going.values() if last(edit) and subject.can_go()]
        for subject, edit in ending:
            going.pop(subject.ns)
            self._delete(subject, edit)
        spoiled = self._step(going, [(subject, self.base) for subject, _ in going.values()], back=True)
        for subject in spoiled:
            abandon(subject)
        self._replace([*spoiled, *(subject for subject, _ in ending)])

    def _step(
        self, going: dict[str, tuple[Subject, Edit]], specs: list[tuple[Subject, dict[str, Any]]], *, back: bool
    ) -> list[Subject]:
        """Give subjects these specs, wait for rest, and judge; returns those about which something was found."""
        said, spoiled, when = len(self._play.logs()), list[Subject](), "back from " if back else ""
        when += "" if self._faults is None else "beside faults of Box, "
        self._beat.catch_up()
        self._play.box.fault(*(self._faults() if self._faults is not None else ()))
        for subject, spec in specs:
            answer = subject.send(spec)
            if answer.is_error:
                self._find(going[subject.ns][1], "is_a_way_back" if back else "is_taken", answer.text, when)
                spoiled.append(subject)
        rests = await_rest(self._beat, {subject.ns: subject.waiting() for subject, _ in specs})
        if self._faults is not None:
            # Who was still being refused counts as at rest while that goes on, and goes on once it is over.
            self._play.box.fault()
            rests = await_rest(self._beat, {subject.ns: subject.waiting() for subject, _ in specs})
        lines = self._play.logs()[said:].splitlines()
        for subject, _ in specs:
            views = subject.look(rests, _lines_about(subject.ns, lines, set(going)))
            edit = going[subject.ns][1]
            found = [*_judged(views), *(_compared(subject, views) if back else _explained(edit, views))]
            for oracle, line in found:
                self._find(edit, oracle, line, when)
            spoiled += [subject] if found and subject not in spoiled else []
        return spoiled

    def _delete(self, subject: Subject, edit: Edit | None = None) -> None:
        """Delete a subject in the state that an edit led to, or as it was in the beginning, and judge what is left."""
        said = len(self._play.logs())
        subject.delete(subject)
        lines = self._play.logs()[said:].splitlines()
        for view in subject.look({}, _lines_about(subject.ns, lines, {subject.ns})):
            spec = subject.spec_of(view, edit.spec if edit is not None else self.base)
            for line in (*oracles.deletion_leaves_nothing(view.seen, spec), *oracles.no_bug(view.seen)):
                self._find(edit, "deletion_leaves_nothing", f"{view.name}: {line}", "deleted after ")
        abandon(subject)

    def _replace(self, subjects: Sequence[Subject]) -> None:
        made = [self._make() for _ in subjects]
        for old, new in zip(subjects, made, strict=True):
            self._row[self._row.index(old)] = new
        self._settle(made)

    def _settle(self, subjects: Sequence[Subject]) -> None:
        """Wait until all is well, and remember how that is."""
        for subject in subjects:
            await_ready(subject)
        self._beat.catch_up()
        await_rest(self._beat, {subject.ns: subject.waiting() for subject in subjects})
        for subject in subjects:
            subject.before = subject.look({})

    def _find(self, edit: Edit | None, oracle: str, line: str, when: str = "") -> None:
        field, text = (edit.field, str(edit)) if edit is not None else ("(as it was)", "nothing")
        self._report.find(oracle, field, when + text, line, known=is_known(oracle, text))


def _judged(views: list[View]) -> Iterator[tuple[str, str]]:
    for view in views:
        if view.seen.body:
            for oracle in view.oracles:
                yield from ((oracle.__name__, f"{view.name}: {line}") for line in oracle(view.seen))
        else:
            yield "is_there", f"the {view.name} is gone"


def _explained(edit: Edit, views: list[View]) -> Iterator[tuple[str, str]]:
    for line in oracles.refusal_names_the_field(views[0].seen, edit.leaf, edit.value):
        yield "refusal_names_the_field", line


def _compared(subject: Subject, views: list[View]) -> Iterator[tuple[str, str]]:
    for before, after in zip(subject.before, views, strict=True):
        for line in oracles.back_is_as_before(before.seen, after.seen) if after.seen.body else ():
            yield "back_is_as_before", f"{after.name}: {line}"


def _lines_about(ns: str, lines: list[str], others: set[str]) -> list[str]:
    """What was said about a subject, and bugs that nobody's name stands in."""
    about = [line for line in lines if ns in line]
    bugs = [line for line in lines if any(mark in line for mark in BUGS)]
    return about + [line for line in bugs if line not in about and not any(other in line for other in others)]
