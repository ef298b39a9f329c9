"""Training on the decomposed form: SD-T (paper IV), re-training (III-C2), tasks and their arms.

Reading order: bucket, weight, convert, switching; then schedule, averaging, learners, loop, tasks,
experiment. torch is imported here and in `sdalgo.networks` alone (docs/reference/training.md).
"""
