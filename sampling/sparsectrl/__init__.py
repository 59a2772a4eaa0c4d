"""SparseCtrl: a ControlNet with motion modules, which gets pictures for some of the frames."""
