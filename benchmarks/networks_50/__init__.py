"""Fifty networks of today: imported, compared, and run on five machines."""
