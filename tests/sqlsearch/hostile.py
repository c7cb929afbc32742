"""Statements that must give nothing: promises.md attack 4, and the engine's own list of features, written out.

`{t}` and `{u}` are tables of the caller, `{theirs}` another tenant's, `{foreign}` its file, `{secret}` a text file
beside it, `{dir}` their directory, `{out}` a directory that must stay empty.
"""

from __future__ import annotations

from tests.sqlsearch.oversized import SIZES

FILES = """
SELECT * FROM '{foreign}'
SELECT * FROM "{foreign}"
SELECT * FROM read_parquet('{foreign}')
SELECT * FROM parquet_scan('{foreign}')
SELECT * FROM read_parquet(['{foreign}'])
SELECT * FROM read_parquet('{dir}/*.parquet')
SELECT * FROM read_parquet('{dir}/**', union_by_name = true, filename = true)
SELECT * FROM parquet_metadata('{foreign}')
SELECT * FROM parquet_schema('{foreign}')
SELECT * FROM parquet_file_metadata('{foreign}')
SELECT * FROM parquet_full_metadata('{foreign}')
SELECT * FROM parquet_kv_metadata('{foreign}')
SELECT * FROM parquet_bloom_probe('{foreign}', 'segment_id', 'seg_1')
SELECT * FROM read_text('{secret}')
SELECT * FROM read_blob('{secret}')
SELECT content FROM read_text('/etc/passwd')
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_csv_auto('{secret}', header = false)
SELECT * FROM sniff_csv('/etc/passwd')
SELECT * FROM read_json('{secret}')
SELECT * FROM read_json_auto('{secret}')
SELECT * FROM read_json_objects('{secret}')
SELECT * FROM read_json_objects_auto('{secret}')
SELECT * FROM read_ndjson('{secret}')
SELECT * FROM read_ndjson_auto('{secret}')
SELECT * FROM read_ndjson_objects('{secret}')
SELECT * FROM read_single_csv_file('{secret}')
SELECT * FROM read_single_parquet_file('{foreign}')
SELECT * FROM read_duckdb('{dir}/x.db')
SELECT * FROM glob('{dir}/*')
SELECT * FROM glob('/*')
SELECT file FROM glob('/proc/self/fd/*')
SELECT * FROM '/etc/passwd'
SELECT * FROM '/proc/self/environ'
SELECT * FROM read_text('/proc/self/environ')
SELECT * FROM read_blob('/proc/self/maps')
SELECT * FROM read_text('/proc/1/cmdline')
SELECT * FROM '{secret}' AS s
SELECT * FROM {t}, '{secret}'
SELECT * FROM {t} JOIN read_text('{secret}') ON true
SELECT (SELECT content FROM read_text('{secret}')) FROM {t}
SELECT * FROM {t} WHERE segment_id IN (SELECT content FROM read_text('{secret}'))
SELECT CASE WHEN EXISTS (SELECT * FROM read_text('{secret}')) THEN 1 END
WITH a AS (SELECT * FROM read_text('{secret}')) SELECT * FROM a
WITH a AS MATERIALIZED (FROM read_parquet('{foreign}')) FROM a
SELECT * FROM {t} UNION ALL SELECT * FROM read_parquet('{foreign}')
SELECT * FROM (VALUES (1)) v(x), LATERAL (SELECT * FROM read_text('{secret}'))
FROM read_text('{secret}')
FROM '{foreign}'
TABLE '{foreign}'
SELECT unnest(content) FROM (SELECT list(content) AS content FROM read_text('{secret}'))
SELECT * FROM {t} ORDER BY (SELECT content FROM read_text('{secret}'))
SELECT * FROM {t} LIMIT (SELECT length(content) FROM read_text('{secret}'))
SELECT * FROM {t} QUALIFY row_number() OVER (ORDER BY (SELECT content FROM read_text('{secret}'))) = 1
PIVOT read_parquet('{foreign}') ON video_id USING count(*)
SELECT * FROM read_parquet('{foreign}') PIVOT (count(*) FOR video_id IN ('vid_0'))
SUMMARIZE '{foreign}'
DESCRIBE '{foreign}'
SELECT * FROM (DESCRIBE '{foreign}')
SELECT * FROM (SUMMARIZE read_parquet('{foreign}'))
SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')
SELECT * FROM query_table('{theirs}')
SELECT * FROM query_table(['{theirs}'])
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''{secret}'')'))
SELECT json_serialize_plan('SELECT * FROM read_text(''{secret}'')')
SELECT json_deserialize_sql(json_serialize_sql('SELECT 1'))
SELECT * FROM storage_info('{t}')
SELECT read_text('{secret}')
SELECT getenv('HOME')
SELECT getvariable('x')
SELECT * FROM seq_scan('{t}')
SELECT * FROM pandas_scan(1)
SELECT * FROM arrow_scan(1, 2, 3)
SELECT * FROM python_map_function(1)
SELECT * FROM sqlite_scan('{dir}/x.db', 't')
SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 'users')
SELECT * FROM mysql_query('db', 'SELECT 1')
SELECT * FROM iceberg_scan('{dir}')
SELECT * FROM delta_scan('{dir}')
SELECT * FROM st_read('{secret}')
SELECT * FROM read_xlsx('{secret}')
SELECT st_read('{secret}')
SELECT * FROM shellfs('cat {secret} |')
SELECT * FROM read_csv('cat {secret} |')
""".strip().splitlines()

NETWORK = """
SELECT * FROM 'http://127.0.0.1:9/x.parquet'
SELECT * FROM 'https://example.com/x.csv'
SELECT * FROM read_parquet('http://169.254.169.254/latest/meta-data')
SELECT * FROM read_parquet('s3://bucket/key.parquet')
SELECT * FROM read_csv('gs://bucket/key.csv')
SELECT * FROM read_json('az://container/key.json')
SELECT * FROM read_parquet('hf://datasets/x/y.parquet')
SELECT * FROM read_text('http://127.0.0.1:9/')
SELECT * FROM read_blob('file:///etc/passwd')
SELECT http_get('http://127.0.0.1:9/')
SELECT * FROM http_get('http://127.0.0.1:9/')
INSTALL httpfs
LOAD httpfs
FORCE INSTALL spatial FROM community
UPDATE EXTENSIONS
ATTACH 'http://127.0.0.1:9/x.db' AS x
ATTACH 'postgres:host=127.0.0.1' AS p (TYPE postgres)
ATTACH 'ducklake:x' AS d
SELECT dblink('host=127.0.0.1', 'SELECT 1')
SELECT * FROM dblink('host=127.0.0.1', 'SELECT 1') AS t(x int)
SELECT inet_server_addr()
SELECT inet_client_addr()
SELECT pg_notify('jobs', 'x')
NOTIFY jobs, 'x'
LISTEN jobs
""".strip().splitlines()

CATALOG = """
SELECT * FROM duckdb_settings()
SELECT * FROM duckdb_tables()
SELECT * FROM duckdb_tables
SELECT * FROM duckdb_columns()
SELECT * FROM duckdb_columns
SELECT sql FROM duckdb_views()
SELECT * FROM duckdb_views
SELECT * FROM duckdb_functions()
SELECT * FROM duckdb_databases()
SELECT * FROM duckdb_schemas()
SELECT * FROM duckdb_secrets()
SELECT * FROM duckdb_extensions()
SELECT * FROM duckdb_memory()
SELECT * FROM duckdb_temporary_files()
SELECT * FROM duckdb_types()
SELECT * FROM duckdb_keywords()
SELECT * FROM duckdb_optimizers()
SELECT * FROM duckdb_indexes()
SELECT * FROM duckdb_constraints()
SELECT * FROM duckdb_dependencies()
SELECT * FROM duckdb_sequences()
SELECT * FROM duckdb_variables()
SELECT * FROM duckdb_logs()
SELECT * FROM duckdb_external_file_cache()
SELECT * FROM duckdb_prepared_statements()
SELECT * FROM duckdb_connection_count()
SELECT * FROM main.duckdb_tables()
SELECT * FROM system.main.duckdb_settings()
SELECT * FROM system.information_schema.tables
SELECT * FROM information_schema.tables
SELECT * FROM information_schema.columns
SELECT * FROM information_schema.schemata
SELECT * FROM "information_schema"."tables"
SELECT * FROM INFORMATION_SCHEMA . TABLES
SELECT * FROM pg_catalog.pg_tables
SELECT * FROM pg_catalog.pg_class
SELECT * FROM pg_tables
SELECT * FROM pg_stat_activity
SELECT * FROM pg_settings
SELECT * FROM pg_database
SELECT * FROM sqlite_master
SELECT * FROM sqlite_schema
SELECT * FROM sqlite_temp_master
SELECT * FROM pragma_version()
SELECT * FROM pragma_database_size()
SELECT * FROM pragma_table_info('{t}')
SELECT * FROM pragma_storage_info('{t}')
SELECT * FROM pragma_user_agent()
SELECT * FROM pragma_platform()
SELECT * FROM pragma_metadata_info()
SELECT * FROM pragma_collations()
SELECT * FROM pragma_show('{t}')
SELECT * FROM show_tables()
SELECT * FROM show_databases()
SELECT * FROM database_list()
SELECT * FROM platform()
SELECT * FROM version()
SELECT * FROM user_agent()
SELECT * FROM test_all_types()
SELECT * FROM test_vector_types(1)
SELECT * FROM summary((SELECT * FROM {t}))
SELECT * FROM histogram({t}, score)
SELECT * FROM {theirs}
SELECT * FROM "{theirs}"
SELECT * FROM main.{theirs}
SELECT * FROM memory.main.{t}
SELECT * FROM main.{t}
SELECT * FROM temp.{t}
SELECT * FROM ONLY {theirs}
WITH x AS (SELECT 1) SELECT * FROM duckdb_tables
SELECT * FROM (WITH duckdb_tables AS (SELECT 1 AS x) SELECT * FROM duckdb_tables) a, duckdb_tables b
WITH a AS (SELECT * FROM b), b AS (SELECT * FROM duckdb_columns) SELECT * FROM b
SELECT * FROM duckdb_views WHERE view_name IN (SELECT segment_id FROM {t})
SELECT count(*) FROM {t} a JOIN duckdb_columns b ON true
SHOW TABLES
SHOW ALL TABLES
SHOW DATABASES
SHOW {t}
DESCRIBE
DESCRIBE {t}
SUMMARIZE {t}
EXPLAIN SELECT * FROM {t}
EXPLAIN ANALYZE SELECT * FROM {t}
SELECT * FROM (SHOW TABLES)
SELECT * FROM (SHOW ALL TABLES)
""".strip().splitlines()

SETTINGS = """
SET threads = 64
SET memory_limit = '100GB'
SET GLOBAL enable_external_access = true
SET SESSION allowed_paths = ['/']
SET allowed_directories = ['/']
SET lock_configuration = false
SET VARIABLE x = 1
RESET memory_limit
RESET ALL
PRAGMA threads = 64
PRAGMA database_list
PRAGMA enable_profiling
PRAGMA enable_logging
PRAGMA disable_verification
PRAGMA version
PRAGMA table_info('{t}')
PRAGMA enable_external_access = true
CALL enable_logging()
CALL pragma_version()
CALL duckdb_settings()
CALL force_checkpoint()
USE memory
USE system
SELECT current_setting('threads')
SELECT current_setting('allowed_paths')
SELECT current_setting('secret_directory')
SELECT set_config('a.b', 'x', false)
WITH a AS (SELECT set_config('role', 'x', true)) SELECT * FROM a
SELECT current_user
SELECT user
SELECT session_user
SELECT current_role
SELECT current_catalog
SELECT current_database()
SELECT current_schema()
SELECT current_schemas(true)
SELECT current_query()
SELECT current_query_id()
SELECT current_connection_id()
SELECT current_transaction_id()
SELECT txid_current()
SELECT version()
SELECT in_search_path('memory', 'main')
SELECT get_block_size('memory')
SELECT pg_backend_pid()
SELECT pg_postmaster_start_time()
SELECT pg_read_file('/etc/passwd')
SELECT pg_ls_dir('/')
SELECT lo_import('/etc/passwd')
SELECT pg_sleep(30)
SELECT sleep_ms(30000)
SELECT pg_advisory_lock(1)
SELECT query_to_xml('SELECT 1', true, true, '')
SELECT has_table_privilege('x', 'y')
SELECT pg_get_viewdef(1)
SELECT write_log('x')
SELECT parse_duckdb_log_message('x', 'y')
SELECT setseed(0.5)
SELECT nextval('s')
SELECT currval('s')
SELECT error('x')
SELECT load_extension('x')
SELECT which_secret('s3://x', 's3')
SELECT hive_partition_component('a', 'b')
SELECT stats(1)
SELECT constant_or_null(1, 2)
SELECT vector_type(score) FROM {t}
SELECT create_sort_key(1, 'ASC')
SELECT cast_to_type('1', 2)
SELECT make_type('INTEGER')
SELECT generate_subscripts('{t}', 1), duckdb_settings()
SELECT * FROM which_secret('s3://x', 's3')
""".strip().splitlines()

WRITES = """
CREATE TABLE x AS SELECT * FROM {t}
CREATE TABLE x (a INTEGER)
CREATE TEMP TABLE x AS SELECT 1
CREATE OR REPLACE VIEW {t} AS SELECT 1
CREATE VIEW x AS SELECT * FROM read_text('{secret}')
CREATE SCHEMA x
CREATE SEQUENCE s
CREATE MACRO f(a) AS a + 1
CREATE MACRO f() AS TABLE SELECT * FROM read_text('{secret}')
CREATE FUNCTION f(a) AS a
CREATE TYPE x AS ENUM ('a')
CREATE INDEX i ON {t} (segment_id)
CREATE SECRET x (TYPE s3, KEY_ID 'a', SECRET 'b')
CREATE PERSISTENT SECRET x (TYPE s3)
INSERT INTO {t} SELECT * FROM {t}
INSERT INTO {t} VALUES (1)
UPDATE {t} SET score = 1
DELETE FROM {t}
TRUNCATE {t}
MERGE INTO {t} USING {u} ON true WHEN MATCHED THEN DELETE
DROP TABLE {t}
DROP VIEW {t}
DROP SCHEMA main CASCADE
ALTER TABLE {t} ADD COLUMN x INTEGER
ALTER VIEW {t} RENAME TO x
COMMENT ON TABLE {t} IS 'x'
COPY {t} TO '{out}/x.csv'
COPY (SELECT 1) TO '{out}/x.parquet' (FORMAT parquet)
COPY (SELECT * FROM {t}) TO '/dev/stdout'
COPY {t} FROM '{secret}'
COPY FROM DATABASE memory TO x
EXPORT DATABASE '{out}'
IMPORT DATABASE '{out}'
ATTACH '{out}/x.db' AS x
ATTACH ':memory:' AS x
ATTACH '{dir}/x.db' AS x (READ_ONLY)
DETACH memory
VACUUM
VACUUM INTO '{out}/x'
ANALYZE
CHECKPOINT
FORCE CHECKPOINT
BEGIN
BEGIN TRANSACTION
COMMIT
COMMIT;
ROLLBACK
ABORT
PREPARE p AS SELECT 1
EXECUTE p
DEALLOCATE p
SELECT * INTO x FROM {t}
SELECT * FROM {t} FOR UPDATE
SELECT 1; SELECT 2
SELECT 1; DROP TABLE {t}
SELECT 1;; COPY (SELECT 1) TO '{out}/y.csv'
SELECT 1 /* ; */ ; ATTACH '{out}/z.db'
SELECT 1 -- x
WITH a AS (INSERT INTO {t} VALUES (1) RETURNING *) SELECT * FROM a
WITH a AS (DELETE FROM {t} RETURNING *) SELECT * FROM a
WITH a AS (UPDATE {t} SET score = 1 RETURNING *) SELECT * FROM a
GRANT ALL ON {t} TO x
CALL f()
LOAD '{out}/x.so'
INSTALL '{out}/x.duckdb_extension'
.shell cat {secret}
.read {secret}
\\! cat {secret}
\\copy {t} TO '{out}/x'
""".strip().splitlines()
WRITES.remove("SELECT 1 -- x")

TRICKS = [
    "SELECT * FROM read\u200b_text('{secret}')",
    "SELECT * FROM \uff52\uff45\uff41\uff44_text('{secret}')",
    "SELECT * FROM re\u0430d_text('{secret}')",
    "SELECT * FROM \"read_text\"('{secret}')",
    "SELECT * FROM ReAd_TeXt('{secret}')",
    "SELECT * FROM/**/read_text/**/('{secret}')",
    "SELECT * FROM read_text\u00a0('{secret}')",
    "SELECT * FROM\u2003read_text('{secret}')",
    "SELECT 1;\u00a0SELECT 2",
    "SELECT 1\x00; SELECT 2",
    "SELECT '\x00'",
    "SELECT * FROM U&'\\002Fetc\\002Fpasswd'",
    "SELECT * FROM E'/etc/\\x70asswd'",
    "SELECT * FROM $$/etc/passwd$$",
    "SELECT * FROM $tag$/etc/passwd$tag$",
    "SELECT * FROM x'2f6574632f706173737764'",
    "/* c */ COPY (SELECT 1) TO '{out}/c.csv'",
    "-- c\nATTACH '{out}/c.db'",
    "/* SELECT 1 */ DROP VIEW {t}",
    "SELECT /*! 1; DROP VIEW {t} */ 1; DROP VIEW {t}",
    "SELECT 1 /* unclosed",
    "SELECT 'unclosed",
    "(SELECT * FROM read_text('{secret}'))",
    "((SELECT 1); SELECT 2)",
    "SELECT * FROM {t}; -- \nSELECT * FROM read_text('{secret}')",
    "SELECT $1",
    "SELECT ?",
    "SELECT :x",
    "SELECT $name",
    "SELECT * FROM IDENTIFIER('{theirs}')",
    "SELECT * FROM TABLE('{theirs}')",
    "SELECT main.read_text('{secret}')",
    "SELECT system.main.current_setting('threads')",
    "SELECT ('{secret}').read_text()",
    "SELECT 'threads'.current_setting()",
    "SELECT list_transform(['threads'], x -> current_setting(x))",
    "SELECT [current_setting(x) FOR x IN ['threads']]",
    "SELECT list_reduce(['threads'], (a, b) -> current_setting(a))",
    "SELECT struct_pack(a := current_setting('threads'))",
    "SELECT {'a': current_setting('threads')}",
    "SELECT count(*) FILTER (WHERE current_setting('threads') = '1') FROM {t}",
    "SELECT sum(1) OVER (ORDER BY current_setting('threads')) FROM {t}",
    "SELECT * FROM {t} ORDER BY current_setting('threads')",
    "SELECT 1 GROUP BY current_setting('threads')",
    "SELECT * FROM {t} TABLESAMPLE (current_setting('threads') ROWS)",
    "SELECT * FROM {t} AT (VERSION => 1)",
    "SELECT * REPLACE (current_setting('threads') AS score) FROM {t}",
    "SELECT COLUMNS(x -> current_setting('threads') = x) FROM {t}",
    "SELECT 'pg_class'::regclass",
    "SELECT 1::oid::regclass",
    "SELECT CAST('x' AS mood)",
    "SELECT CAST(NULL AS INTEGER[900000000])",
    "SELECT 1 FROM {t} WHERE user = 'x'",
    "FROM (SELECT user)",
    "SELECT ${t}",
    "SELECT * FROM {t} WHERE 1=1 UNION SELECT table_name FROM information_schema.tables",
    "SELECT * FROM {t} JOIN information_schema.tables USING (table_name)",
    "WITH RECURSIVE duckdb_tables AS (SELECT 'a' AS n UNION ALL SELECT n FROM duckdb_tables) FROM duckdb_tables",
    "WITH RECURSIVE duckdb_tables AS (FROM duckdb_tables UNION ALL FROM duckdb_tables WHERE false) FROM duckdb_tables",
    "WITH RECURSIVE duckdb_views AS (FROM duckdb_views) FROM duckdb_views",
    "WITH RECURSIVE sqlite_master AS (SELECT 1 AS n EXCEPT SELECT 1 FROM sqlite_master) FROM sqlite_master",
    "WITH RECURSIVE {theirs} AS (FROM {theirs} UNION SELECT * FROM {theirs}) FROM {theirs}",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r, '{foreign}') FROM r",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, duckdb_settings() WHERE n < 2) FROM r",
    "WITH RECURSIVE r AS (SELECT content AS n FROM read_text('{secret}') UNION ALL SELECT n FROM r WHERE false) FROM r",
    "WITH r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) FROM r",
    "SELECT e'\\''||version()||'\\''",
    "SELECT E'a\\\\'; FROM read_text('{secret}')",
    "SELECT equi_width_bins(0, 10, 1000000000, true)",
    "SHOW ALL",
    "SHOW",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT * FROM read_text(getvariable('x'))",
    "",
    "   ",
    ";",
    "-- only a comment",
    "/* only a comment */",
    "hello",
    "SELECT FROM",
    "DO $$ BEGIN END $$",
    "EXPLAIN ANALYZE DELETE FROM {t}",
]

INERT = [
    "SELECT list_aggregate(['threads'], 'current_setting')",
    "SELECT list_aggregate([1], 'duckdb_settings')",
    "SELECT @@version",
    "SELECT",
    "SELECT rowid, filename, file_row_number FROM {t}",
    "SELECT filename FROM {t}",
    "SELECT file_index FROM {t}",
    "SELECT duckdb_settings FROM {t}",
    "SELECT * FROM {t} WHERE run_id = 'run_0199f0c2cccc0000000000ffffffffff'",
    "SELECT * FROM segments WHERE run_id NOT LIKE '%aaaaaaaaaa' AND run_id NOT LIKE '%bbbbbbbbbb'",
]
"""Statements that pass the lists and still give no rows."""

REFUSED = [*FILES, *NETWORK, *CATALOG, *SETTINGS, *WRITES, *TRICKS, *SIZES]
