-- Exports: what was asked for, how far it is, and where the file lies. `place` is where building goes on.
CREATE TABLE exports (
    export_id id PRIMARY KEY,
    user_id id NOT NULL,
    export_type id NOT NULL,
    target_id id NOT NULL,
    created_at timestamptz NOT NULL,
    format id NOT NULL,
    result_scope id NOT NULL,
    chosen_runs text[],
    destination_connector_id id,
    destination_base_path text,
    destination_subpath text,
    automated boolean NOT NULL DEFAULT false,
    status id NOT NULL,
    queue_status id NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    available_at timestamptz,
    started_at timestamptz,
    completed_at timestamptz,
    updated_at timestamptz,
    file_size_bytes bigint,
    error_message text,
    last_error text,
    uri text,
    sha256 id,
    run_ids text[] NOT NULL DEFAULT '{}',
    place json,
    parts integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX exports_of_user ON exports (user_id, created_at DESC, export_id DESC);
CREATE INDEX exports_by_content ON exports (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX exports_to_connector ON exports (destination_connector_id)
    WHERE destination_connector_id IS NOT NULL AND completed_at IS NULL;

-- What is built of a file that is not finished, in order; the rows go when it is.
CREATE TABLE export_parts (
    export_id id NOT NULL,
    ordinal integer NOT NULL,
    sha256 id NOT NULL,
    size bigint NOT NULL,
    PRIMARY KEY (export_id, ordinal)
);

-- Standing orders of an index: one that imports, one that exports.
CREATE TABLE automations (
    index_id id NOT NULL,
    kind id NOT NULL,
    user_id id NOT NULL,
    connector_id id NOT NULL,
    settings json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    enabled boolean NOT NULL,
    paused boolean NOT NULL,
    opened_at timestamptz,
    changed_at timestamptz,
    mark text,
    last_check_at timestamptz,
    next_check_at timestamptz,
    last_run_at timestamptz,
    cycle_id id,
    last_job_id id,
    last_prompt_run_id id,
    last_export_id id,
    consecutive_failures integer NOT NULL DEFAULT 0,
    last_error text,
    PRIMARY KEY (index_id, kind)
) WITH (fillfactor = 60);
CREATE INDEX automations_of_user ON automations (user_id, kind);

-- Each time that an order was carried out.
CREATE TABLE automation_cycles (
    cycle_id id PRIMARY KEY,
    index_id id NOT NULL,
    kind id NOT NULL,
    user_id id NOT NULL,
    started_at timestamptz NOT NULL,
    status id NOT NULL,
    completed_at timestamptz,
    job_id id,
    run_id id,
    export_id id,
    error text
);
CREATE INDEX automation_cycles_of_order ON automation_cycles (index_id, kind, started_at DESC, cycle_id DESC);
CREATE INDEX automation_cycles_by_export ON automation_cycles (export_id) WHERE export_id IS NOT NULL;
