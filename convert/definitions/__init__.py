"""The inputs, outputs and widgets of nodes of Kinema, the host and AnimateDiff-Evolved (with earlier orders), as data."""
