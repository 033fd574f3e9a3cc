"""What Box does not have: control of the sandbox itself, and the commands of the people beside it."""
