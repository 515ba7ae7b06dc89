"""HTTP to the API server: connection, credentials, request budget, errors."""
