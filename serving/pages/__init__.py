"""The pages regulators work with: rendered from the same desk, under the same rights as the API."""
