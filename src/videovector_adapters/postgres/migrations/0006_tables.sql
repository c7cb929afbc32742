-- The rows of a finished run as files that SQL reads: which file holds which version, and how often rows were hidden.
CREATE TABLE run_changes (
    run_id id PRIMARY KEY,
    changes bigint NOT NULL
);
CREATE TABLE run_files (
    run_id id NOT NULL,
    level id NOT NULL,
    version text NOT NULL,
    sha256 id NOT NULL,
    size bigint NOT NULL,
    PRIMARY KEY (run_id, level)
);
CREATE INDEX run_files_by_content ON run_files (sha256);

-- What a version is made of, found without reading the rows.
CREATE INDEX retries_of_run ON retries (run_id, status);
CREATE INDEX video_results_ended ON video_results (run_id, completed_at);
CREATE INDEX run_places_of_run ON run_places (run_id, index_id);
