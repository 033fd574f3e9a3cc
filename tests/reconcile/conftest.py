"""Whole passes: the operator's clients for a sandbox in this process, with a clock that stands still."""

from tests.contract.conftest import clients
from tests.sandbox.conftest import box, clock, open_box, silent

__all__ = ["box", "clients", "clock", "open_box", "silent"]
