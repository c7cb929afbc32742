"""Who is calling, and how far their credential reaches."""
