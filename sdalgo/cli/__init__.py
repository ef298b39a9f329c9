"""The command line: a thin layer on decompose, build, the container and the reports."""
