"""`simulate`, and everything that keeps it from being done twice."""
