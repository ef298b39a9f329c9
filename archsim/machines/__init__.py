"""One file a machine: the cycle rule and access counts of its compute array. Found by listing this folder."""
