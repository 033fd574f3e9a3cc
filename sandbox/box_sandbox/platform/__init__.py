"""Box's public API, as far as apps go: tokens, content, users."""
