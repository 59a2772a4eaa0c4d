"""Where it runs: ComfyUI servers over HTTP, servers of this machine, and servers of a Ray cluster."""
