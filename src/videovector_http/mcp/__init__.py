"""MCP: the tools, the server over HTTP and over standard input and output, and the pages that help to connect."""
