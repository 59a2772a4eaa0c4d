"""What becomes of which node: one file for each kind of option of AnimateDiff-Evolved."""
