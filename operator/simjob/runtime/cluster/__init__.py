"""The API calls that the operator makes, and the Events that it posts."""
