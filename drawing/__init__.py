"""Pictures of numbers: one canvas, one palette and one way to draw axes, for whatever the nodes show."""
