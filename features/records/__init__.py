"""The raw material: record types, deliveries, the lake, the journal."""
