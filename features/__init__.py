"""First of four rooms: what is known about an entity, as of a date."""
