"""A network that is a list of operators, run once and turned into the layers of a workload."""
