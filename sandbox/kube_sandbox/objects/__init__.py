"""The objects that there are, how they are patched, and how they are selected."""
