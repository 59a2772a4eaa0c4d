"""The canvas, the colours and the axes of all plots."""
