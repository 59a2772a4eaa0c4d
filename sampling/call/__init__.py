"""What one model call and one run of the sampler are: frames, areas, progress, places in the UNet."""
