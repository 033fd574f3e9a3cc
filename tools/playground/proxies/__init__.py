"""What stands between the operator and others: faults on the way to the API server, proxies, TLS."""
