"""How a farm is watched: the progress line, status.json, Prometheus metrics and the page of results."""
