-- Places in storages; credentials are sealed.
CREATE TABLE connectors (
    connector_id id PRIMARY KEY,
    user_id id NOT NULL,
    name text NOT NULL,
    provider id NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    scopes text[] NOT NULL,
    import_mode id NOT NULL,
    export_base_path text,
    status id NOT NULL,
    bucket text,
    region text,
    endpoint_url text,
    storage_account text,
    container text,
    gcp_project_id text,
    root text,
    credentials bytea,
    last_tested_at timestamptz,
    last_test_result text,
    last_test_error text
);
CREATE INDEX connectors_of_user ON connectors (user_id, created_at DESC, connector_id DESC);

-- A job counts its files itself, so that nobody counts rows to show how far it is.
ALTER TABLE import_jobs
    ADD COLUMN total_files bigint NOT NULL DEFAULT 0,
    ADD COLUMN imported bigint NOT NULL DEFAULT 0,
    ADD COLUMN failed bigint NOT NULL DEFAULT 0,
    ADD COLUMN skipped bigint NOT NULL DEFAULT 0,
    ADD COLUMN bytes_transferred bigint NOT NULL DEFAULT 0,
    ADD COLUMN current_file text,
    ADD COLUMN scanned boolean NOT NULL DEFAULT true,
    ADD COLUMN told_at timestamptz,
    ADD COLUMN automation boolean NOT NULL DEFAULT false;
UPDATE import_jobs j SET total_files = c.total, imported = c.imported, failed = c.failed, skipped = c.skipped,
    bytes_transferred = c.bytes
FROM (
    SELECT job_id, count(*) AS total, count(*) FILTER (WHERE status = 'completed') AS imported,
        count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'skipped') AS skipped,
        coalesce(sum(size) FILTER (WHERE status = 'completed'), 0) AS bytes
    FROM import_files GROUP BY job_id
) c WHERE c.job_id = j.job_id;
CREATE INDEX import_jobs_open ON import_jobs (connector_id)
    WHERE status NOT IN ('completed', 'failed', 'cancelled');

-- Where a file comes from: the version of an object, or the sealed URL of an attachment under its sender's own id.
ALTER TABLE import_files
    ADD COLUMN version text,
    ADD COLUMN source_id text,
    ADD COLUMN url bytea;
CREATE INDEX import_files_media ON import_files (job_id, ordinal) WHERE video_id IS NOT NULL;
CREATE INDEX import_files_skipped ON import_files (job_id, ordinal) WHERE status = 'skipped';

-- Which versions of which objects an index has had, whatever became of the media since.
CREATE TABLE imported_objects (
    index_id id NOT NULL,
    object text COLLATE "C" NOT NULL,
    user_id id NOT NULL,
    video_id id NOT NULL,
    imported_at timestamptz NOT NULL,
    PRIMARY KEY (index_id, object)
);
