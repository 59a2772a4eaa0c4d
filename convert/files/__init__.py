"""Files that contain workflows, and the command that converts them."""
