"""Fourth of four rooms: the scheme at work."""
