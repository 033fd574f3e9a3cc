"""What modes share: the two Protocols that they fulfil, findings, keys that people hand over, the way to Box."""
