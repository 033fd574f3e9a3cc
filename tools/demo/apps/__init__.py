"""The apps of the demo: what happens to each, how far it has come, and whether it ended as it must."""
