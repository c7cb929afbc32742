"""Runs: one prompt, one target, explicit settings, durable results."""
