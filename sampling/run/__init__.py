"""A run as a whole: what the nodes ask for, the order in which it acts, what is checked first."""
