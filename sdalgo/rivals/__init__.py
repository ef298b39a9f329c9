"""Other ways to make weights small, counted as ours are (docs/activation_aware.md)."""
