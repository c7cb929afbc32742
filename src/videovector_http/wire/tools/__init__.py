"""Arguments and results of MCP tools; the shapes of the routes with what makes them easier to read for an agent."""
