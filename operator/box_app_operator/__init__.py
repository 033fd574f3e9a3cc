"""Kubernetes operator for Box Custom Apps that authenticate with App Tokens."""
