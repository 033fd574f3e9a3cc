"""An in-memory imitation of the Kubernetes API server, for demo and quick tests on machines with Python alone.

It is held to the real one by running the same end-to-end tests on both. It authenticates but authorizes everything.
"""
