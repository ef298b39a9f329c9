"""Multi-objective search among the points of a design, where running all of them would take too
long. The algorithms are Optuna's; what a point is, runs and costs is a sweep's."""
