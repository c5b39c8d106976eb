"""Second of four rooms: from past matrices and what happened next to a scheme."""
