"""What describes one model call and one run of the sampler: frames, areas, progress, places in the UNet."""
