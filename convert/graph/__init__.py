"""Workflows as graphs: the forms of their files, ways from node to node, places on the canvas."""
