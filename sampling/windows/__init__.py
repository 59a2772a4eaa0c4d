"""Windows: how a long video is cut, computed part by part and blended."""
