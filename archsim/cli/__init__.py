"""The command line: a thin layer on load_arch, load_workload, simulate and Result."""
