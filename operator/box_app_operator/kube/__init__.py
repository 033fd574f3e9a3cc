"""Clients for Kubernetes: Secrets, status, Events."""
