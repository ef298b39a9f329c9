"""One file a machine: cycle rule and access counts of its array. Found by listing this folder."""
