"""Each BoxEnterprise: the connection to Box that it configures, its health, and the status that it shows."""
