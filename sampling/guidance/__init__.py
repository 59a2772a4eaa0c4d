"""Guidance: which prediction the sampler follows."""
