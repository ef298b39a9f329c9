"""One page over a folder of results, which a browser opens without a network."""
