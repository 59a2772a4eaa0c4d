"""What nodes and samplers show on themselves, without a page."""


class Screen:
    """Stands where the host's server is while nodes run, and keeps the last text of the node that runs."""

    client_id = None

    def __init__(self) -> None:
        self.text = ""

    def send_progress_text(self, text: str, node_id: str) -> None:
        self.text = text

    def send_sync(self, *message: object) -> None:
        """Other messages, such as progress, are not kept."""
