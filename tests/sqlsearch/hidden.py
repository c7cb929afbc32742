"""Hostile statements that hide what they want in a clause, an argument or a spelling; placeholders as in `hostile`."""

from __future__ import annotations

HIDDEN = r"""
SELECT * FROM json_each((SELECT content FROM read_text('{secret}')))
SELECT * FROM json_each(read_text('{secret}'))
SELECT * FROM json_tree('{secret}'), duckdb_tables()
SELECT main.json_each('{}')
PIVOT read_parquet('{foreign}') ON video_id USING count(*)
PIVOT '{foreign}' ON video_id USING count(*)
PIVOT duckdb_tables ON table_name USING count(*)
PIVOT {t} ON (SELECT content FROM read_text('{secret}')) USING count(*)
PIVOT {t} ON "scene.mood" USING list((SELECT content FROM read_text('{secret}')))
PIVOT {t} ON "scene.mood" IN (SELECT content FROM read_text('{secret}')) USING count(*)
PIVOT {t} ON "scene.mood" USING current_setting('threads')
WITH p AS (PIVOT {theirs} ON run_id USING count(*)) SELECT * FROM p
UNPIVOT '{foreign}' ON video_id
UNPIVOT duckdb_settings() ON name, value
UNPIVOT {t} ON (SELECT current_setting('threads')) INTO NAME a VALUE b
UNPIVOT (SELECT * FROM read_text('{secret}')) ON content INTO NAME a VALUE b
SELECT * FROM (UNPIVOT {theirs} ON score INTO NAME a VALUE b)
PIVOT {t} ON "scene.mood" USING count(*); DROP TABLE {t}
SELECT system.main.lower('x'), pg_catalog.pg_typeof(1), x.read_text('{secret}')
SELECT temp.main.read_blob('{secret}')
SELECT pg_catalog.current_setting('threads')
SELECT information_schema.lower('x') FROM duckdb_columns
SELECT segment_id.read_text() FROM {t}
SELECT segment_id.current_setting() FROM {t}
SELECT ('{secret}').read_blob().content
SELECT segment_id.getenv() FROM {t}
SELECT list_apply(['{secret}'], x -> x.read_text())
SELECT apply(['{secret}'], read_text)
SELECT apply(['threads'], x -> current_setting(x))
SELECT aggregate([1], 'current_setting')
SELECT invoke(x -> current_setting(x), 'threads')
SELECT path_join('{dir}', read_text('{secret}'))
SELECT parse_path((SELECT content FROM read_text('{secret}')))
SELECT json_set('{}', '$.a', current_setting('threads'))
SELECT encode(content) FROM read_blob('{secret}')
SELECT decode(content) FROM read_blob('{secret}')
SELECT uuid(), getenv('PATH')
SELECT try(current_setting('threads'))
SELECT try(getenv('HOME'))
SELECT union_value(a := current_setting('threads'))
SELECT repeat('x', (SELECT 2000000000))
SELECT repeat('x', 2000000000 * score) FROM {t}
SELECT lpad('x', 2000000000 + shots) FROM {t}
SELECT list_resize([1], (SELECT 900000000))
SELECT bar(1, 0, 1, 1000000000)
SELECT to_base(1, 2, 1000000000)
SELECT array_resize([1], 999999999)
SELECT repeat(repeat('x', 1000), 1000)
SELECT format('{:999}', 'x')
SELECT * FROM range(0, 100000000000) r
SELECT repeat('x', 999999999::INT)
SELECT repeat('x', round(999999999.0))
SELECT repeat('x', abs(-999999999))
SELECT repeat('x', 1000 * 1000)
SELECT repeat('x', 100000 * 100000 % shots) FROM {t}
SELECT * FROM read_parquet('{foreign}', hive_partitioning = true)
SELECT * FROM read_csv_auto(['{secret}', '/etc/passwd'])
SELECT * FROM "/proc/self/status"
SELECT * FROM '~/.ssh/id_rsa'
SELECT * FROM 'file://{secret}'
SELECT * FROM '.{secret}'
SELECT * FROM parquet_scan(['{foreign}'], filename = true)
SELECT * FROM st_drivers()
SELECT * FROM load_aws_credentials()
SELECT * FROM duckdb_approx_database_count()
SELECT * FROM duckdb_table_sample('{t}')
SELECT * FROM duckdb_log_contexts()
SELECT * FROM enable_logging('QueryLog')
SELECT * FROM truncate_duckdb_logs()
SELECT * FROM checkpoint()
SELECT * FROM pragma_last_profiling_output()
SELECT * FROM pragma_detailed_profiling_output()
SELECT * FROM seq_scan('{theirs}')
SELECT * FROM unnest_rewrite('x')
SELECT * FROM repeat_row(1, 2, num_rows = 3)
SELECT * FROM generate_series(1, 10000000000)
SELECT * FROM index_scan('{t}')
SELECT * FROM arrow_scan_dumb(1, 2, 3)
SELECT * FROM in_memory_scan(1)
SELECT * FROM current_setting('threads')
SELECT * FROM getvariable('x')
SELECT * FROM {t} NATURAL JOIN duckdb_tables()
SELECT * FROM {t} LEFT JOIN LATERAL (SELECT * FROM glob('*')) g ON true
SELECT * FROM {t} ASOF JOIN read_parquet('{foreign}') f ON {t}.start_time >= f.start_time
SELECT * FROM {t} POSITIONAL JOIN '{foreign}'
SELECT * FROM {t} SEMI JOIN (FROM '{foreign}') USING (segment_id)
SELECT * FROM {t} WHERE segment_id = ANY(SELECT content FROM read_text('{secret}'))
SELECT {t}.*, (FROM read_text('{secret}')) FROM {t}
SELECT max(s) FROM (FROM '{secret}' SELECT content AS s)
SELECT [x FOR x IN (SELECT list(content) FROM read_text('{secret}'))]
SELECT MAP {'a': (SELECT content FROM read_text('{secret}'))}
SELECT * FROM (VALUES ((SELECT content FROM read_text('{secret}')))) v
VALUES ((SELECT content FROM read_text('{secret}')))
SELECT 1 WHERE EXISTS (FROM '/etc/passwd')
SELECT CASE WHEN (SELECT count(*) FROM glob('/root/*')) > 0 THEN 1 END
SELECT first((SELECT file FROM glob('/*') LIMIT 1)) FROM {t}
SELECT sum(1) FILTER (WHERE EXISTS (FROM duckdb_tables())) FROM {t}
SELECT rank() OVER (PARTITION BY (SELECT version())) FROM {t}
SELECT 1 ORDER BY (SELECT version())
SELECT 1 LIMIT (SELECT count(*) FROM duckdb_tables())
SELECT 1 OFFSET (SELECT count(*) FROM duckdb_tables())
WITH a AS (SELECT 1), b AS (FROM read_text('{secret}')) SELECT * FROM a
WITH {t} AS (FROM '{foreign}') SELECT * FROM {t}
(SELECT 1) UNION (FROM read_text('{secret}'))
SELECT 1 UNION ALL BY NAME FROM '{foreign}'
SELECT 1 EXCEPT SELECT content FROM read_text('{secret}')
TABLE duckdb_tables
FROM duckdb_tables
FROM duckdb_settings() SELECT name, value
FROM pragma_table_info('{theirs}')
SHOW TABLES FROM memory
SUMMARIZE SELECT * FROM {t}
DESCRIBE SELECT * FROM {t}
EXPLAIN (FORMAT json) SELECT 1
CREATE OR REPLACE TEMP MACRO lower(x) AS 'owned'
CREATE TEMP TABLE IF NOT EXISTS x AS SELECT 1
CREATE TEMP VIEW v AS SELECT 1
COPY (SELECT 1) TO PROGRAM 'id'
COPY {t} TO 's3://x/y'
ATTACH IF NOT EXISTS '{out}/q.db'
DETACH DATABASE IF EXISTS x
SET schema = 'x'
SET SESSION threads TO 4
SET LOCAL memory_limit = '1GB'
RESET threads
PRAGMA memory_limit='1GB'
PRAGMA show_tables
CALL pragma_table_info('{t}')
CALL dbgen(sf=1)
BEGIN; SELECT 1; COMMIT
EXECUTE IMMEDIATE 'SELECT 1'
PREPARE v1 AS SELECT * FROM '{secret}'; EXECUTE v1
MERGE INTO {t} USING {u} ON 1=1 WHEN NOT MATCHED THEN INSERT *
INSERT OR REPLACE INTO {t} SELECT 1
UPDATE {t} SET score = 0 WHERE true RETURNING *
ALTER DATABASE memory RENAME TO x
LOAD 'httpfs'
INSTALL httpfs FROM 'http://127.0.0.1:9/'
EXPORT DATABASE '{out}' (FORMAT parquet)
USE {t}
SELECT * FROM sqlite_master WHERE name LIKE '%run%'
SELECT oid FROM pg_type
SELECT * FROM pg_catalog.pg_attribute
SELECT relname FROM pg_class
SELECT current_user()
SELECT current_setting ('threads')
SELECT CURRENT_CATALOG
SELECT session_user
SELECT nextval('seq')
SELECT setval('seq', 1)
SELECT txid_current()
SELECT sleep_ms(100000)
SELECT write_log('x', level := 'error')
SELECT * FROM query('FROM duckdb_tables()')
SELECT * FROM query_table('duckdb_tables')
FROM query_table(['{t}', '{theirs}'])
SELECT json_execute_serialized_sql('x')
PRAGMA json_execute_serialized_sql('x')
SELECT 'a'::duckdb_tables
SELECT row(1)::{t}
SELECT CAST(1 AS ENUM('a'))
SELECT 'x'::GEOMETRY
SELECT :'x'
SELECT * FROM @x
SELECT * FROM $1
SELECT * FROM ?
SELECT * FROM {t} WHERE x = $x
SELECT pg_sleep(100)
SELECT regexp_matches('a', '(a+)+$') FROM query('x')
SELECT 1 AS "; DROP TABLE x", * FROM duckdb_tables
SELECT \u0064uckdb_settings()
SELECT * FROM duckdb_settings ()
SELECT * FROM duckdb_settings/**/()
SELECT*FROM"duckdb_settings"()
SELECT * FROM DuCkDb_SeTtInGs()
SELECT * FROM main."duckdb_settings"()
SELECT COLUMNS(*)::VARCHAR FROM duckdb_settings()
SELECT * EXCLUDE (name) FROM duckdb_settings()
SELECT unnest(duckdb_settings) FROM duckdb_settings()
SELECT struct_pack(*COLUMNS(*)) FROM duckdb_secrets()
""".strip().splitlines()
