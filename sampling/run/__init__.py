"""A run as a whole: the settings of all nodes, the order in which they take effect, and what is checked first."""
