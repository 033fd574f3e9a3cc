"""Where the demo plays: the choice of a cluster, what is installed there, and what is removed."""
