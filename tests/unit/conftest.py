"""How hard the properties search: the same examples on every run, or many new ones with HYPOTHESIS_PROFILE=long."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("unit", max_examples=100, deadline=None, derandomize=True, database=None)
settings.register_profile("long", max_examples=1500, deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))
