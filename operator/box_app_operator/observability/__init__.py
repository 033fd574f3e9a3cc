"""Metrics, probes, logs, and how late the event loop is."""
