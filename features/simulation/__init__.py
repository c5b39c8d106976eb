"""A province with latent truth, written as deliveries and a truth file."""
