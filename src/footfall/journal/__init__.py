"""The durable log: an event is accepted when it is here, on disk."""
