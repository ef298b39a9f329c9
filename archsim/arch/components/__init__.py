"""The components that machines share: one kind a file, found by listing this folder."""
