"""What the sandbox knows: Box's nouns, all that there is of them, and where it is kept."""
