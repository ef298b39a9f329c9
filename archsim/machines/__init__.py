"""One file or folder per machine, found by listing; `shared/` is what they have in common."""
