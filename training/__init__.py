"""How a motion model is learned from clips (paper, section 4.2)."""
