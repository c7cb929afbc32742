"""Contract suites, strategies and factories for whoever writes an adapter."""
