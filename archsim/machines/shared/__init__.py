"""What machines have in common: the tile table, the DRAM rule, geometry, groups of filters."""
