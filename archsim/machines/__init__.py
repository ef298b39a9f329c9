"""One file or folder a machine, found by listing; `shared/` is what they have in common."""
