"""The kinds of clusters to play on."""
