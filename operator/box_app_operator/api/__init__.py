"""Reading manifests and statuses, field by field, with every default filled in. Pure."""
