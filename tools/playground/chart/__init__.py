"""The chart on this machine: what it renders, Helm's releases of it, and its pods as processes."""
