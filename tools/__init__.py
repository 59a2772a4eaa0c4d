"""What dev.py runs. Never imported by the extension."""
