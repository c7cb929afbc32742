"""The public surface: Litestar routes, wire shapes, server-sent events, MCP and the command line."""
