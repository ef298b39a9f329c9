"""Times and memory against the budgets; `make bench` prints the table."""
