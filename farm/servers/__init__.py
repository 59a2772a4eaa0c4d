"""Where it runs: ComfyUI servers over HTTP, of this machine, and on the nodes of a Ray cluster."""
