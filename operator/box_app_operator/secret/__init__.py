"""The Secret that pods mount: what it records, what it holds, and whose it is. Pure."""
