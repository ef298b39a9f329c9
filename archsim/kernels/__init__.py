"""Shared numpy: digits, tile maxima, masks, run lengths. No hardware, no layers, no time."""
