"""What a motion model is: files, families, layers, motion LoRAs. Does not depend on samplers or nodes."""
