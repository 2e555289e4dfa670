"""How product events come in: wire formats, collector, projector, import, and reading them back."""
