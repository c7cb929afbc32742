-- Columns are named like the fields of the domain's values, so that rows become values by name.
-- Documents that belong to somebody (schemas, extracted fields) are json, not jsonb: the order of their properties
-- matters, and they may hold what jsonb refuses (\u0000). Identifiers compare by bytes on every server.

CREATE DOMAIN id AS text COLLATE "C";

-- Access ---------------------------------------------------------------------------------------------------------

CREATE TABLE users (
    user_id id PRIMARY KEY,
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
    key_id id PRIMARY KEY,
    user_id id NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    key_prefix text NOT NULL,
    digest bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_of_user ON api_keys (user_id, created_at DESC, key_id DESC);

-- What was taken under a key of the rate limits, which names the credential and the category.
CREATE TABLE buckets (
    key text COLLATE "C" PRIMARY KEY,
    state json NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE receipts (
    slot bytea PRIMARY KEY,  -- SHA-256 of the four columns that follow: a path may be longer than an index entry
    user_id id NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    token text NOT NULL,
    created_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    status integer,
    body bytea,
    content_type text
);
CREATE INDEX receipts_by_age ON receipts (created_at);

-- Work -----------------------------------------------------------------------------------------------------------

CREATE SEQUENCE fences;

CREATE TABLE work (
    kind id NOT NULL,
    key id NOT NULL,
    user_id id NOT NULL,
    payload json NOT NULL,
    state id NOT NULL,
    due_at timestamptz NOT NULL,
    lease_until timestamptz,
    fence bigint NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    error text,
    again boolean NOT NULL DEFAULT false,
    PRIMARY KEY (kind, key)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX work_queued ON work (kind, user_id, due_at, key) WHERE state = 'queued';
CREATE INDEX work_leased ON work (lease_until, key) WHERE state = 'leased';

-- Events ---------------------------------------------------------------------------------------------------------

CREATE TABLE event_counters (
    user_id id PRIMARY KEY,
    last bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE events (
    user_id id NOT NULL,
    sequence bigint NOT NULL,
    event_id id NOT NULL,
    event_type id NOT NULL,
    created_at timestamptz NOT NULL,
    payload json NOT NULL,
    run_id id,
    video_id id,
    segment_id id,
    index_id id,
    PRIMARY KEY (user_id, sequence)
);
CREATE UNIQUE INDEX events_by_id ON events (event_id);
CREATE INDEX events_of_run ON events (user_id, run_id, sequence) WHERE run_id IS NOT NULL;
CREATE INDEX events_by_age ON events USING brin (created_at);

-- Indexes and media ----------------------------------------------------------------------------------------------

CREATE TABLE indexes (
    index_id id PRIMARY KEY,
    user_id id NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    description text,
    sort_order integer,
    is_default boolean NOT NULL,
    hidden boolean NOT NULL DEFAULT false
);
CREATE INDEX indexes_of_user ON indexes (user_id, created_at DESC, index_id DESC) WHERE NOT hidden;
CREATE INDEX indexes_by_name ON indexes (user_id, name, created_at, index_id) WHERE NOT hidden;
CREATE INDEX indexes_for_all ON indexes (created_at DESC, index_id DESC) WHERE is_default AND NOT hidden;

CREATE TABLE media (
    video_id id PRIMARY KEY,
    user_id id NOT NULL,
    title text NOT NULL,
    media_type id NOT NULL,
    sha256 id NOT NULL,
    size bigint NOT NULL,
    file_name text NOT NULL,
    mime_type text NOT NULL,
    duration double precision NOT NULL,
    created_at timestamptz NOT NULL,
    index_id id,
    status id NOT NULL,
    updated_at timestamptz,
    width integer,
    height integer,
    frame_rate double precision,
    has_audio boolean NOT NULL,
    source_uri text,
    hidden boolean NOT NULL DEFAULT false
);
CREATE INDEX media_of_index ON media (user_id, index_id, created_at DESC, video_id DESC) WHERE NOT hidden;
CREATE INDEX media_by_content ON media (sha256);
CREATE INDEX media_hidden ON media (user_id, index_id, video_id) WHERE hidden;

CREATE TABLE segment_sets (
    set_id id PRIMARY KEY,
    user_id id NOT NULL,
    video_id id NOT NULL,
    fingerprint id NOT NULL,
    created_at timestamptz NOT NULL,
    total integer NOT NULL,
    UNIQUE (video_id, fingerprint)
);

CREATE TABLE segments (
    segment_id id PRIMARY KEY,
    set_id id NOT NULL,
    user_id id NOT NULL,
    video_id id NOT NULL,
    ordinal integer NOT NULL,
    start double precision NOT NULL,
    "end" double precision NOT NULL
);
CREATE INDEX segments_of_set ON segments (set_id, ordinal);
CREATE INDEX segments_of_media ON segments (video_id);

-- Prompts and imports --------------------------------------------------------------------------------------------

CREATE TABLE prompts (
    prompt_id id PRIMARY KEY,
    user_id id NOT NULL,
    name text NOT NULL,
    prompt_text text NOT NULL,
    json_schema json NOT NULL,
    created_at timestamptz NOT NULL,
    description text NOT NULL,
    video_level json,
    semantic_indexing json NOT NULL,
    execution_config json,
    selection_filter json,
    is_active boolean NOT NULL,
    updated_at timestamptz
);
CREATE INDEX prompts_of_user ON prompts (user_id, created_at DESC, prompt_id DESC);

CREATE TABLE import_jobs (
    job_id id PRIMARY KEY,
    user_id id NOT NULL,
    status id NOT NULL,
    source_kind text NOT NULL,
    created_at timestamptz NOT NULL,
    target_index_id id,
    connector_id id,
    source_prefix text NOT NULL,
    file_pattern text NOT NULL,
    recursive boolean NOT NULL,
    phase text,
    started_at timestamptz,
    completed_at timestamptz,
    error_message text,
    options json NOT NULL
);
CREATE INDEX import_jobs_of_user ON import_jobs (user_id, created_at DESC, job_id DESC);

CREATE TABLE import_files (
    file_id id PRIMARY KEY,
    job_id id NOT NULL,
    user_id id NOT NULL,
    ordinal integer NOT NULL,
    file_name text NOT NULL,
    status id NOT NULL,
    video_id id,
    title text,
    duration double precision,
    size bigint NOT NULL,
    error_code text,
    error text,
    skip_reason text
);
CREATE INDEX import_files_of_job ON import_files (job_id, ordinal);
CREATE INDEX import_files_failed ON import_files (job_id, ordinal) WHERE status = 'failed';

-- Runs and their results -----------------------------------------------------------------------------------------

CREATE TABLE runs (
    run_id id PRIMARY KEY,
    user_id id NOT NULL,
    prompt_id id NOT NULL,
    prompt json NOT NULL,
    target json NOT NULL,
    segmentation json NOT NULL,
    executed_at timestamptz NOT NULL,
    executed_by text NOT NULL,
    status id NOT NULL,
    index_id id,
    processing_model text,
    effective_model text NOT NULL,
    enable_transcription boolean NOT NULL,
    enable_image_embedding boolean NOT NULL,
    total_seconds double precision NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    error_message text,
    stop_requested_at timestamptz,
    stop_requested_by text,
    stop_observed_at timestamptz,
    stop_completed_at timestamptz,
    deleted boolean NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX runs_of_user ON runs (user_id, executed_at DESC, run_id DESC) WHERE NOT deleted;
CREATE INDEX runs_searchable ON runs (user_id, executed_at DESC, run_id DESC)
    WHERE NOT deleted AND status IN ('completed', 'completed_with_failures');
CREATE INDEX runs_of_prompt ON runs (user_id, prompt_id);

-- Which indexes the media of a run lay in when it was frozen; '' is the playground.
CREATE TABLE run_places (
    user_id id NOT NULL,
    index_id id NOT NULL,
    executed_at timestamptz NOT NULL,
    run_id id NOT NULL,
    PRIMARY KEY (user_id, index_id, executed_at, run_id)
);

CREATE TABLE run_media (
    run_id id NOT NULL,
    video_id id NOT NULL,
    user_id id NOT NULL,
    media_type id NOT NULL,
    ordinal integer NOT NULL,
    duration double precision NOT NULL,
    status id NOT NULL,
    set_id id,
    total_segments integer NOT NULL,
    created_new_segments boolean NOT NULL,
    error_code text,
    error_message text,
    warning text,
    started_at timestamptz,
    completed_at timestamptz,
    PRIMARY KEY (run_id, video_id)
) WITH (fillfactor = 80);
CREATE INDEX run_media_in_order ON run_media (run_id, ordinal);
CREATE INDEX run_media_open ON run_media (run_id, status, ordinal) WHERE status IN ('pending', 'processing');
CREATE INDEX run_media_of_media ON run_media (video_id, run_id);

CREATE TABLE results (
    run_id id NOT NULL,
    segment_id id NOT NULL,
    video_id id NOT NULL,
    user_id id NOT NULL,
    ordinal integer NOT NULL,
    start double precision NOT NULL,
    "end" double precision NOT NULL,
    status id NOT NULL,
    field_extraction boolean,
    transcription boolean,
    image_embedding boolean,
    field_extraction_error text,
    transcription_error text,
    image_embedding_error text,
    failure_code text,
    failure_stage text,
    failure_message text,
    retryable boolean,
    metadata json,
    metadata_text text NOT NULL,
    spoken text NOT NULL,
    warning text,
    attempt_id id,
    processed_at timestamptz,
    flawed boolean NOT NULL GENERATED ALWAYS AS (
        status = 'failed' OR field_extraction IS FALSE OR transcription IS FALSE OR image_embedding IS FALSE
    ) STORED,
    PRIMARY KEY (run_id, segment_id)
) WITH (fillfactor = 85);
CREATE INDEX results_in_order ON results (run_id, video_id, ordinal)
    INCLUDE (status, flawed, field_extraction, transcription, image_embedding);
CREATE INDEX results_waiting ON results (run_id, video_id) WHERE status IN ('pending', 'processing');
CREATE INDEX results_flawed ON results (run_id, video_id, ordinal) WHERE flawed;
CREATE INDEX results_of_media ON results (video_id);

CREATE TABLE video_results (
    run_id id NOT NULL,
    video_id id NOT NULL,
    user_id id NOT NULL,
    status id NOT NULL,
    metadata json NOT NULL,
    metadata_text text NOT NULL,
    raw_response text,
    warning text,
    error_message text,
    fingerprint text,
    omitted_segment_ids text[] NOT NULL,
    successful_segments integer NOT NULL,
    failed_segments integer NOT NULL,
    prompt_chars integer NOT NULL,
    llm_attempted boolean NOT NULL,
    attempt_id id,
    started_at timestamptz,
    completed_at timestamptz,
    PRIMARY KEY (run_id, video_id)
);
CREATE INDEX video_results_of_media ON video_results (video_id);

CREATE TABLE llm_calls (
    llm_call_id id PRIMARY KEY,
    user_id id NOT NULL,
    run_id id NOT NULL,
    prompt_id id NOT NULL,
    video_id id NOT NULL,
    segment_id id,
    model text NOT NULL,
    purpose text NOT NULL,
    invoked_at timestamptz NOT NULL,
    status id NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    media_seconds double precision NOT NULL,
    segment_start double precision,
    segment_end double precision,
    prompt_text text,
    response_text text,
    schema_used text,
    completed_at timestamptz,
    error_message text
);
CREATE INDEX llm_calls_of_run ON llm_calls (run_id, invoked_at DESC, llm_call_id DESC);
CREATE INDEX llm_calls_open ON llm_calls (run_id, segment_id) WHERE status = 'started';

CREATE TABLE retries (
    retry_id id PRIMARY KEY,
    run_id id NOT NULL,
    video_id id NOT NULL,
    segment_id id NOT NULL,
    user_id id NOT NULL,
    created_at timestamptz NOT NULL,
    status id NOT NULL,
    idempotency_key text,
    started_at timestamptz,
    completed_at timestamptz,
    error text
);
CREATE UNIQUE INDEX retries_active ON retries (run_id, segment_id) WHERE status IN ('pending', 'processing');

-- Model results and embeddings -----------------------------------------------------------------------------------

CREATE TABLE kept_results (
    user_id id NOT NULL,
    key id NOT NULL,
    sha256 id NOT NULL,
    value json NOT NULL,
    blobs text[] NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX kept_results_of_media ON kept_results (user_id, sha256);
CREATE INDEX kept_results_by_blob ON kept_results USING gin (blobs);

CREATE SEQUENCE embedding_versions;

CREATE TABLE embeddings (
    id uuid PRIMARY KEY,
    kind id NOT NULL,
    user_id id NOT NULL,
    run_id id NOT NULL,
    owner id NOT NULL,
    video_id id NOT NULL,
    version bigint NOT NULL,
    known bigint NOT NULL DEFAULT 0,  -- the version that the engine has; 0 for none
    doomed boolean NOT NULL DEFAULT false,
    index_id id,
    segment_id id,
    field_path text,
    instance_key text,
    "time" double precision,
    spaces text[] NOT NULL,
    vectors bytea[] NOT NULL,         -- half precision, little endian, one for each space
    terms bigint[],
    weights double precision[]
) WITH (fillfactor = 90);
ALTER TABLE embeddings ALTER COLUMN vectors SET STORAGE EXTERNAL;  -- half floats do not compress
CREATE INDEX embeddings_of_owner ON embeddings (run_id, owner);
CREATE INDEX embeddings_of_media ON embeddings (video_id) WHERE NOT doomed;
CREATE INDEX embeddings_debt ON embeddings (run_id, user_id, id) WHERE doomed OR known <> version;
CREATE INDEX embeddings_doomed ON embeddings (id) WHERE doomed;
