"""Curves: numbers that vary over frames, steps, blocks and the picture."""
