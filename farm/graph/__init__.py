"""What runs: the workflow, the jobs, the places that they fill, and what is checked before the first job."""
