"""What the machine has or gets for a node: programs, cgroups, images."""
