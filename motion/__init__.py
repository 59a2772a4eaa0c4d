"""What a motion model is: files, families, layers, motion LoRAs. Knows no sampler and no node."""
