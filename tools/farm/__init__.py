"""What the farm is measured with; its tests run real servers."""
