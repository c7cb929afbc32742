"""Models that run on this machine: no key and no network."""
