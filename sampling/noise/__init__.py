"""Noise: what a run starts from, what it adds at steps, and the noise schedules."""
