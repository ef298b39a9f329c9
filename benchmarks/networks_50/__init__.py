"""Fifty networks of today through the importer and five machines: `python -m benchmarks.networks_50`."""
