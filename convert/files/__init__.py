"""Files with workflows in them, and the command that converts them."""
