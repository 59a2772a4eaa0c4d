"""What nodes look like, as data: AnimateDiff-Evolved's with the widget orders of its history, Kinema's, the host's."""
