"""A picture of the dashboard: its own queries, asked of a real Prometheus, drawn in the manner of Grafana."""
