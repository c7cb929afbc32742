-- Results that were made before filters looked at them: a work item writes what filters need, page by page, once.

INSERT INTO work (kind, key, user_id, payload, state, due_at, max_attempts)
SELECT 'filters.fill', 'all', 'system', '{}', 'queued', now(), 1000000
WHERE EXISTS (
    SELECT FROM results t WHERE t.status = 'successful'
    AND NOT EXISTS (SELECT FROM filter_rows f WHERE f.run_id = t.run_id AND f.segment_id = t.segment_id)
)
ON CONFLICT DO NOTHING;
