"""The kinds that are served: what they may look like, and how they are shown."""
