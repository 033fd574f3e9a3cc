"""From what the watches tell to a pass over one object, and from its outcome to status and Events."""
