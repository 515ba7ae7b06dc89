"""The pod template that users may write: an allow-list."""
