-- What users pin to things. `target_id` names results as `segment:<segment_id>:<run_id>`.
CREATE TABLE markers (
    marker_id id PRIMARY KEY,
    user_id id NOT NULL,
    target_type text NOT NULL,
    target_id id NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    run_id id,
    field_path text,
    color text,
    note text,
    video_id id
);
CREATE UNIQUE INDEX markers_of_target ON markers (user_id, target_id, target_type, coalesce(field_path, ''));
CREATE INDEX markers_of_user ON markers (user_id, created_at DESC, marker_id DESC);
CREATE INDEX markers_of_media ON markers (video_id) WHERE video_id IS NOT NULL;

-- What was counted, one row for each use; sums are made by month.
CREATE TABLE usage_events (
    event_id id PRIMARY KEY,
    user_id id NOT NULL,
    metric_type text NOT NULL,
    value double precision NOT NULL,
    timestamp timestamptz NOT NULL,
    key_id id,
    model text,
    metadata json
);
CREATE INDEX usage_events_of_user ON usage_events (user_id, timestamp DESC, event_id DESC);
