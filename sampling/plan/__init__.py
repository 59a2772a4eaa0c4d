"""What windows a run will have, before it runs, and a picture of them."""
