"""The steps of a plan, performed: one call each, safe to repeat."""
