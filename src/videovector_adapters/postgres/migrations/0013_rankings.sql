-- What a search of the workflow found, frozen for its pages: ids and scores, never what they show.
CREATE TABLE rankings (
    ranking_id id PRIMARY KEY,
    user_id id NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    mode text NOT NULL,
    result_level text NOT NULL,
    page_size integer NOT NULL,
    scope json NOT NULL,
    coverage json NOT NULL,
    warnings json NOT NULL,
    entries json NOT NULL,
    truncated boolean NOT NULL
);
CREATE INDEX rankings_that_expire ON rankings (expires_at);
