"""Where it runs: ComfyUI servers over HTTP, and servers of this machine."""
