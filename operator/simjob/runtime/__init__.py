"""How the operator touches the world: kopf, the API server, the event loop, logs."""
