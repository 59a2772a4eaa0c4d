"""Thousands of jobs of one workflow on many ComfyUI servers: nothing lost, nothing recorded twice."""
