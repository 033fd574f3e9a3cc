"""``make demo``: from a manifest to a working App Token, before one's eyes, on a machine with Python alone."""
