"""Vectors in Qdrant: its engine embedded in a process of its own (`edge`), or a server or cluster (`server`).

Both lay points out alike. A *main* part holds every point: its fields and its sparse vector. Each embedding space is a
part of its own that holds the points with a vector in that space, and their fields once more. One part with a named
vector for each space would reserve room for every space in every point (measured: 5 kB a point for a space of 1,280
dimensions that the point has no vector in).

A point is written to the main part first and removed from it last, so the main part always knows every id that any
other part has: `versions` and `count` read it alone.
"""

from __future__ import annotations

from videovector_adapters.extras import requires

requires("qdrant", "qdrant_edge", "qdrant_client", "msgspec")
