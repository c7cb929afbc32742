"""Search: vectors and text in, ranked moments out."""
