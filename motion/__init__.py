"""What a motion model is: its spec, layers, files and keys. Knows no sampler and no node."""
