"""What runs in the node's namespaces, and what configures it."""
