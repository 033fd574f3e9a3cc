"""The rules for tokens: which one is active, when it is rotated, and when the previous one is revoked. Pure."""
