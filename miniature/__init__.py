"""The tiny image model and motion model that ship with Kinema.

With them everything runs without a download.
"""
