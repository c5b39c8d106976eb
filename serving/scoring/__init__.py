"""The endpoint for integrators."""
