"""Clients for Box: the Console API and the public platform API."""
