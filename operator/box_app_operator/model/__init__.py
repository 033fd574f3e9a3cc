"""The nouns of all decisions: what a spec asks for, what was observed, conditions and steps. Pure values."""
