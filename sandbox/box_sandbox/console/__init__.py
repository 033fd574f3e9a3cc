"""The Developer Console: its rules, and what works there: the Console API, and people by hand."""
