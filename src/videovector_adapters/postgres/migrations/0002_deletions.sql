-- What was asked to be deleted, and how far that is. A record outlives the thing, so that asking again answers the same.
CREATE TABLE deletions (
    deletion_id text NOT NULL,
    user_id text NOT NULL,
    kind text NOT NULL,
    owner_id text NOT NULL,
    requested_at timestamptz NOT NULL,
    status text NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (user_id, kind, owner_id)
);
