"""Looking at Box and at the cluster, for one pass over one object. Never writes."""
