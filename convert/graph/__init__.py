"""Workflows as graphs: the formats of their files, paths from node to node, positions on the canvas."""
