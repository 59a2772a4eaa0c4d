"""Inputs, outputs and widgets as data: of Kinema, the host and AnimateDiff-Evolved (with its earlier widget orders)."""
