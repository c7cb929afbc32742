-- Caps of runs, and what capped runs have spent. A row of its own: calls of many segments add to it at the same time.
ALTER TABLE runs ADD COLUMN max_calls bigint, ADD COLUMN max_cost double precision;

CREATE TABLE run_spending (
    run_id id PRIMARY KEY,
    calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost double precision NOT NULL
);
