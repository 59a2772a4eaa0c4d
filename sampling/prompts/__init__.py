"""Prompts that change over the frames of a video."""
