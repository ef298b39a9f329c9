"""Figures of results and diagrams of machines; the only part that draws."""
