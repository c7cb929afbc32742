"""The console: pages for people in a browser, which speak only the public API with the session of who looks."""
