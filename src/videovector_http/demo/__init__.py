"""The demo: a real clip, a prompt with a schema, three searches, through the published client."""
