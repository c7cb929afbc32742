-- Conversations. A session has at most one turn under way.
CREATE TABLE chat_sessions (
    session_id id PRIMARY KEY,
    user_id id NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    title text,
    turn_count integer NOT NULL DEFAULT 0,
    last_turn_at timestamptz,
    active_turn_id id
) WITH (fillfactor = 70);
CREATE INDEX chat_sessions_of_user ON chat_sessions (user_id, created_at DESC, session_id DESC);

CREATE TABLE chat_turns (
    turn_id id PRIMARY KEY,
    session_id id NOT NULL,
    user_id id NOT NULL,
    ordinal integer NOT NULL,
    message text NOT NULL,
    created_at timestamptz NOT NULL,
    index_ids text[] NOT NULL,
    run_ids text[] NOT NULL,
    status id NOT NULL,
    content text,
    citations json NOT NULL,
    stats json NOT NULL,
    error json,
    key text COLLATE "C",
    fingerprint text,
    started_at timestamptz,
    completed_at timestamptz,
    UNIQUE (session_id, ordinal)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX chat_turns_by_key ON chat_turns (session_id, key) WHERE key IS NOT NULL;

-- The journals of turns: what readers see (data), and what a worker needs to go on (memo).
CREATE TABLE chat_events (
    turn_id id NOT NULL,
    sequence integer NOT NULL,
    name id NOT NULL,
    created_at timestamptz NOT NULL,
    data json NOT NULL,
    memo json,
    PRIMARY KEY (turn_id, sequence)
);
