"""Noise: what a run starts from, what is added at steps, and the noise schedules."""
