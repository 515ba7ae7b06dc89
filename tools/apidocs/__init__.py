"""docs/api.md, the reference of all fields, made from the CRD: `make generate` writes it."""
