"""The API calls that the operator makes."""
