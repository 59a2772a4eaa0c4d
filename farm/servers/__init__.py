"""Where jobs run: on ComfyUI servers over HTTP, on this machine, and on the nodes of a Ray cluster."""
