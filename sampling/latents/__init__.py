"""What changes the latents themselves in the middle of a run."""
