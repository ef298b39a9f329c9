"""The preset `activations`: W = Ce B fitted to what a layer computes (docs/activation_aware.md)."""
