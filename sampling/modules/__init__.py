"""Motion modules at work inside the host's UNet."""
