"""How motion modules work inside the host's UNet."""
