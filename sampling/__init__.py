"""How a motion model meets the host's sampler."""
