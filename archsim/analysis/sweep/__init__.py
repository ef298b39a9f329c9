"""Design-space exploration: what a machine costs and does as its keys change."""
