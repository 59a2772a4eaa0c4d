"""Camera paths, and how motion models with CameraCtrl follow them."""
