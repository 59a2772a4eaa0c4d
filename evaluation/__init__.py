"""How an animation is measured.

Knows no sampler, no motion model and no node: pictures in, numbers out.
"""
