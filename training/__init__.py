"""How a motion model is trained on clips (section 4.2 of the AnimateDiff paper)."""
