"""SparseCtrl: a ControlNet with motion modules, which is shown pictures at some of the frames."""
