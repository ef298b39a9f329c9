"""The kinds of hardware an arch file may name: one kind a file, found by listing this folder."""
