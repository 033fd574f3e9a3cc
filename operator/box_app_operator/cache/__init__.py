"""What is remembered: of the cluster, of Box, and of one object between passes."""
