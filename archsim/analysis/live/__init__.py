"""A page on this machine that follows a sweep while it runs."""
