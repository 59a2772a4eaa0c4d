"""Camera paths, and what a motion model with CameraCtrl sees of them."""
