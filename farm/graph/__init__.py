"""What runs: the workflow, the jobs, the inputs that they set, and what is checked before the first job."""
