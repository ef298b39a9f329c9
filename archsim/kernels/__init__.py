"""Shared numpy: digits of activations, tile maxima, masks, run lengths. No hardware, no layers, no time."""
