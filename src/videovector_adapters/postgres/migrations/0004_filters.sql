-- What filter search looks at: an inverted copy of every successful segment result, written together with it.
-- The texts are normalised before they come here (NFKC, case folded, trimmed), so that comparing is comparing bytes.

CREATE TABLE filter_rows (
    row_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id id NOT NULL,
    run_id id NOT NULL,
    segment_id id NOT NULL,
    video_id id NOT NULL,
    created_at timestamptz NOT NULL,  -- of the media item, which never changes
    start double precision NOT NULL,
    UNIQUE (run_id, segment_id)
);
CREATE INDEX filter_rows_in_order ON filter_rows (user_id, created_at, start, segment_id, run_id);
CREATE INDEX filter_rows_of_media ON filter_rows (video_id);

-- One value of a result. `element` holds the positions in arrays that lead to it ('2.0.'), `parent` those of the array
-- that an item lies in; conditions on one item of an array meet where row_id and element are equal.
CREATE TABLE filter_values (
    row_id bigint NOT NULL,
    user_id id NOT NULL,
    path id NOT NULL,
    element id NOT NULL,
    parent id NOT NULL,
    filled boolean NOT NULL,
    head text COLLATE "C" GENERATED ALWAYS AS (left(text, 64)) STORED,  -- an index cannot hold a whole transcription
    amount numeric,
    flag boolean,
    length integer,
    text text COLLATE "C",
    PRIMARY KEY (row_id, path, element)
);
CREATE INDEX filter_values_by_text ON filter_values (user_id, path, head, row_id) WHERE head IS NOT NULL;
CREATE INDEX filter_values_by_amount ON filter_values (user_id, path, amount, row_id) WHERE amount IS NOT NULL;

-- Fields are not independent of their values; without this the planner takes every pair for rare.
CREATE STATISTICS filter_values_texts (dependencies, mcv) ON user_id, path, head FROM filter_values;
