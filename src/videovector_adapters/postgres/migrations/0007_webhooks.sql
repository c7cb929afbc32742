-- Receivers of events. Secrets are sealed; the one before the last rotation signs along for a day.
CREATE TABLE webhooks (
    webhook_id id PRIMARY KEY,
    user_id id NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    secret bytea NOT NULL,
    index_ids text[],
    metadata json,
    status id NOT NULL,
    previous_secret bytea,
    rotated_at timestamptz,
    failure_count integer NOT NULL DEFAULT 0,
    lost_count integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    last_failure_at timestamptz,
    last_success_at timestamptz,
    creation_key text COLLATE "C",
    creation_print text
) WITH (fillfactor = 70);
CREATE INDEX webhooks_of_user ON webhooks (user_id, created_at DESC, webhook_id DESC);
CREATE UNIQUE INDEX webhooks_by_creation ON webhooks (user_id, creation_key) WHERE creation_key IS NOT NULL;

-- How far the events of a tenant were handed over; a tenant that never had a webhook has no row.
CREATE TABLE webhook_positions (
    user_id id PRIMARY KEY,
    sequence bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE deliveries (
    delivery_id id PRIMARY KEY,
    webhook_id id NOT NULL,
    user_id id NOT NULL,
    event_id id NOT NULL,
    event_type id NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    status id NOT NULL,
    attempts integer NOT NULL,
    tries integer NOT NULL,
    last_attempt_at timestamptz,
    response_status_code integer,
    response_body text,
    error_message text,
    completed_at timestamptz,
    UNIQUE (webhook_id, event_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX deliveries_open ON deliveries (webhook_id, due_at, delivery_id) WHERE completed_at IS NULL;
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id, created_at DESC, delivery_id DESC);
CREATE INDEX deliveries_ended ON deliveries (completed_at) WHERE completed_at IS NOT NULL;
