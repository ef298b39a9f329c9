"""The version of archsim and sdalgo: the build reads it, and every result carries it."""

VERSION = "0.1.0"
