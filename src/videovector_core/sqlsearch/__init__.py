"""SQL over everything that was extracted: typed tables, their catalogue, and drafts of queries."""
