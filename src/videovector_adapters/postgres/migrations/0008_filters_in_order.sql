-- The values of a field in the order of pages, so that a frequent value is read no further than a page goes.

ALTER TABLE filter_values ADD COLUMN created_at timestamptz, ADD COLUMN start double precision;
UPDATE filter_values v SET created_at = r.created_at, start = r.start FROM filter_rows r WHERE r.row_id = v.row_id;
ALTER TABLE filter_values ALTER COLUMN created_at SET NOT NULL, ALTER COLUMN start SET NOT NULL;

DROP INDEX filter_values_by_text;
CREATE INDEX filter_values_by_text ON filter_values (user_id, path, head, created_at, start, row_id) WHERE head IS NOT NULL;
