"""What several nodes share: sockets, groups of inputs, files, pictures."""
