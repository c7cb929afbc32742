"""Webhooks: other systems are told of every event that they asked for, and can trust who told them."""
