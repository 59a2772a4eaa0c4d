"""What each node is converted to: one file for each kind of option of AnimateDiff-Evolved."""
