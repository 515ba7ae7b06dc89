"""HTTP to the API server: connection, credentials, budget, errors."""
