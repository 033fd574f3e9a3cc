"""The operator's own watches: what Kopf cannot watch without its values, or not live without."""
