"""Queries in the idioms of DuckDB's dialect; none may be refused, and each must give what a bare engine gives."""

from __future__ import annotations

QUERIES = r"""
PIVOT {t} ON "scene.mood" USING count(*) GROUP BY "scene.location"
WITH p AS (PIVOT {t} ON "scene.mood" USING sum(shots) GROUP BY video_id) SELECT * FROM p ORDER BY video_id
UNPIVOT (SELECT segment_id, score, start_time FROM {t}) ON score, start_time INTO NAME what VALUE v
SELECT * FROM {t} ASOF JOIN {u} ON {t}.video_id = {u}.video_id AND {t}.start_time >= {u}.start_time
SELECT a.segment_id, b.segment_id FROM {t} a ASOF LEFT JOIN {u} b ON a.video_id = b.video_id AND a.start_time > b.start_time ORDER BY 1
SELECT * FROM {t} a SEMI JOIN {u} b USING (segment_id) ORDER BY a.segment_id
SELECT * FROM {t} a ANTI JOIN {u} b ON a.segment_id = b.segment_id AND b.is_outdoor ORDER BY a.segment_id
SELECT * FROM {t} NATURAL JOIN (SELECT DISTINCT segment_id FROM {u}) ORDER BY segment_id
SELECT a.segment_id, b.segment_id FROM {t} a POSITIONAL JOIN {u} b
SELECT segment_id FROM {t} WHERE EXISTS (SELECT 1 FROM {u} b WHERE b.segment_id = {t}.segment_id AND b.score > 1) ORDER BY 1
SELECT segment_id FROM {t} EXCEPT SELECT segment_id FROM {u} WHERE score > 1 ORDER BY 1
SELECT segment_id FROM {t} INTERSECT SELECT segment_id FROM {u} ORDER BY 1
SELECT segment_id FROM {t} UNION SELECT segment_id FROM {u} ORDER BY 1 LIMIT 5
SELECT segment_id, score FROM {t} UNION ALL BY NAME SELECT segment_id, shots FROM {u} ORDER BY ALL
SELECT segment_id, row_number() OVER (PARTITION BY video_id ORDER BY start_time) AS n FROM {t} QUALIFY n <= 2 ORDER BY 1
SELECT segment_id, lag(score) OVER w AS before, lead(score, 2, 0) OVER w AS after FROM {t} WINDOW w AS (PARTITION BY video_id ORDER BY start_time) ORDER BY 1
SELECT segment_id, avg(score) OVER (ORDER BY start_time ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM {t} ORDER BY 1
SELECT segment_id, sum(score) OVER (PARTITION BY video_id ORDER BY start_time RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM {t} ORDER BY 1
SELECT segment_id, count(*) OVER (ORDER BY executed_at RANGE BETWEEN INTERVAL 5 MINUTES PRECEDING AND INTERVAL 5 MINUTES FOLLOWING) FROM {t} ORDER BY 1
SELECT segment_id, ntile(4) OVER (ORDER BY score), percent_rank() OVER (ORDER BY score), cume_dist() OVER (ORDER BY score) FROM {t} ORDER BY 1
SELECT segment_id, first_value(segment_id IGNORE NULLS) OVER (PARTITION BY video_id ORDER BY start_time), nth_value(score, 2) OVER (PARTITION BY video_id ORDER BY start_time) FROM {t} ORDER BY 1
SELECT rank() OVER (ORDER BY score DESC), dense_rank() OVER (ORDER BY "scene.location") FROM {t} ORDER BY ALL
SELECT "scene.location", "scene.mood", count(*), grouping("scene.location") FROM {t} GROUP BY ROLLUP ("scene.location", "scene.mood") ORDER BY ALL
SELECT "scene.location", "scene.mood", count(*) FROM {t} GROUP BY CUBE ("scene.location", "scene.mood") ORDER BY ALL
SELECT "scene.location", "scene.mood", count(*) FROM {t} GROUP BY GROUPING SETS (("scene.location"), ("scene.mood"), ()) ORDER BY ALL
SELECT quantile_cont(score, [0.25, 0.5, 0.75]), median(score), mode("scene.location"), stddev(score), variance(score) FROM {t}
SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY score), percentile_disc(0.5) WITHIN GROUP (ORDER BY score DESC), mode() WITHIN GROUP (ORDER BY "scene.mood") FROM {t}
SELECT arg_max(segment_id, score), arg_min(segment_id, score), max_by(segment_id, score), min_by(segment_id, score, 2), max(score, 3) FROM {t}
SELECT string_agg(DISTINCT "scene.location", ', ' ORDER BY "scene.location"), list(DISTINCT "scene.mood"), array_agg(score ORDER BY score DESC) FROM {t}
SELECT count(*) FILTER (WHERE is_outdoor), count(*) FILTER (is_outdoor) * 100.0 / count(*) AS pct, sum(score) FILTER (WHERE shots > 3) FROM {t}
SELECT bool_and(is_outdoor), bool_or(is_outdoor), bit_or(shots), any_value(video_name), first(segment_id ORDER BY start_time), last(segment_id ORDER BY start_time) FROM {t}
SELECT corr(score, shots), covar_pop(score, shots), regr_slope(score, shots), regr_r2(score, shots), kurtosis(score), skewness(score), entropy("scene.location") FROM {t}
SELECT approx_count_distinct(segment_id), approx_quantile(score, 0.5), histogram("scene.location"), approx_top_k("scene.location", 2) FROM {t}
SELECT histogram(floor(score)) AS h, map_keys(h), map_values(h), h[1], map_entries(h) FROM {t}
SELECT "scene.location", list(struct_pack(id := segment_id, s := score) ORDER BY score DESC)[1:3] AS top FROM {t} GROUP BY 1 ORDER BY 1
SELECT segment_id, list_zip("scene.people[].emotion", "scene.people[].confidence") AS z FROM {t} ORDER BY 1
SELECT segment_id, list_sort("scene.people[].confidence", 'DESC', 'NULLS LAST'), list_reverse_sort("topics[]"), list_grade_up("scene.people[].confidence") FROM {t} ORDER BY 1
SELECT segment_id, list_position("topics[]", 'news'), list_has_all("topics[]", ['news']), "topics[]" && ['news'], "topics[]" @> ['news'] FROM {t} ORDER BY 1
SELECT segment_id, list_unique("topics[]"), list_any_value("topics[]"), list_count("topics[]"), list_mode("topics[]"), list_first("topics[]"), list_last("topics[]") FROM {t} ORDER BY 1
SELECT segment_id, list_slice("topics[]", 1, 2), list_append("topics[]", 'x'), list_prepend('x', "topics[]"), list_concat("topics[]", ['z']), "topics[]" || ['z'] FROM {t} ORDER BY 1
SELECT segment_id, list_filter("scene.people[]", p -> p.emotion = 'happy' AND p.confidence > 0.6) AS happy FROM {t} ORDER BY 1
SELECT segment_id FROM {t} WHERE len(list_filter("scene.people[]", lambda p: p.emotion = 'happy' AND p.confidence > 0.6)) > 0 ORDER BY 1
SELECT segment_id, list_transform("scene.people[]", (p, i) -> p.emotion || i::VARCHAR) FROM {t} ORDER BY 1
SELECT segment_id, list_transform("scene.people[]", p -> {'e': p.emotion, 'sure': p.confidence > 0.7}) FROM {t} ORDER BY 1
SELECT segment_id, [p.emotion FOR p IN "scene.people[]" IF p.confidence > 0.6] FROM {t} ORDER BY 1
SELECT segment_id, [x, y] FROM {t}, unnest(["start_time", "end_time"]) AS a(x), unnest([1, 2]) AS b(y) ORDER BY ALL
SELECT segment_id, unnest("scene.people[]", max_depth := 2) FROM {t} ORDER BY ALL
SELECT t.segment_id, p.unnest.emotion FROM {t} t, unnest(t."scene.people[]") p ORDER BY ALL
SELECT t.segment_id, x.emotion FROM {t} t LEFT JOIN {people} x ON x.segment_id = t.segment_id AND x.emotion = 'sad' ORDER BY ALL
SELECT t.segment_id, s.n FROM {t} t, LATERAL (SELECT count(*) AS n FROM {people} p WHERE p.segment_id = t.segment_id) s ORDER BY 1
SELECT t.segment_id, (SELECT max(p.confidence) FROM {people} p WHERE p.segment_id = t.segment_id) AS best FROM {t} t ORDER BY 1
SELECT struct_extract("scene.people[]"[1], 'emotion'), "scene.people[]"[1]['emotion'], struct_insert({'a': 1}, b := 2), row(1, 'a') FROM {t} ORDER BY ALL
SELECT p.* FROM (SELECT unnest("scene.people[]") AS p FROM {t}) ORDER BY ALL
SELECT struct_pack(a := 1, b := 'x').b, {'a': {'b': 1}}.a.b, struct_keys({'a': 1})
SELECT map([1, 2], ['a', 'b'])[1], MAP {'x': 1}['x'], element_at(MAP {'x': 1}, 'x'), map_contains(MAP {'x': 1}, 'x'), map_extract(MAP {'x': 1}, 'x')
SELECT union_value(a := 1), union_tag(union_value(a := 1))
SELECT regexp_extract(transcription, '(\w+) number (\d+)', ['word', 'n']) FROM {t} ORDER BY ALL
SELECT segment_id FROM {t} WHERE regexp_matches(transcription, '\bnumber\b', 'i') ORDER BY 1
SELECT segment_id FROM {t} WHERE transcription SIMILAR TO '.*number [0-9]+.*' ORDER BY 1
SELECT segment_id FROM {t} WHERE segment_id GLOB 'seg_*1' OR transcription ~~* '%NUMBER%' OR transcription !~~ 'a%' ORDER BY 1
SELECT lower(regexp_replace(metadata_text, '[^a-zA-Z ]', '', 'g')) AS clean, unnest(string_split(clean, ' ')) AS word FROM {t} ORDER BY ALL
SELECT word, count(*) AS n FROM (SELECT unnest(regexp_split_to_array(lower(transcription), '\W+')) AS word FROM {t}) WHERE length(word) > 3 GROUP BY word ORDER BY n DESC, word LIMIT 20
SELECT format('{:.1f}%', 100.0 * count(*) FILTER (WHERE is_outdoor) / count(*)) FROM {t}
SELECT printf('%.2f', avg(score)), printf('%s: %d', 'n', count(*)), format('{0} {1} {0}', 'a', 'b'), format('{:,}', 1234567), format('{:>10}', 'x'), format('{:05d}', 3) FROM {t}
SELECT bar(score, 0, 10, 20) FROM {t} ORDER BY segment_id
SELECT to_seconds(start_time::BIGINT), to_minutes(3), INTERVAL (start_time) SECOND, INTERVAL '90 seconds', (start_time || ' seconds')::INTERVAL FROM {t} ORDER BY ALL
SELECT make_time(0, 1, 2.5), make_timestamp(2026, 1, 2, 3, 4, 5.5), DATE '2026-01-01' + 3, TIMESTAMP '2026-01-01' + INTERVAL '1 month', date_add(DATE '2026-01-01', INTERVAL 3 DAY), date_sub('day', DATE '2026-01-01', DATE '2026-02-01')
SELECT date_trunc('week', "shot on"::DATE) AS week, count(*), min(executed_at), max(executed_at)::DATE FROM {t} GROUP BY week ORDER BY week
SELECT dayofyear(executed_at), weekofyear(executed_at), quarter(executed_at), isodow(executed_at), era(executed_at), century(executed_at), yearweek(executed_at), epoch_ms(executed_at), monthname(executed_at) FROM {t} ORDER BY segment_id
SELECT extract('hour' FROM executed_at), extract(dow FROM executed_at), extract(epoch FROM executed_at), date_part(['year', 'month'], executed_at), datepart('day', executed_at) FROM {t} ORDER BY segment_id
SELECT current_date, current_timestamp IS NOT NULL, today() = current_date, now() > TIMESTAMPTZ '2020-01-01', current_time IS NOT NULL, get_current_timestamp() IS NOT NULL, current_localtime() IS NOT NULL
SELECT datediff('hour', executed_at, now()) > 0, date_diff('minute', min(executed_at), max(executed_at)) FROM {t} GROUP BY 1
SELECT generate_series AS d FROM generate_series(TIMESTAMP '2026-03-01', TIMESTAMP '2026-03-02', INTERVAL 6 HOUR)
SELECT d::DATE FROM generate_series(DATE '2026-01-01', DATE '2026-01-10', INTERVAL '1 day') AS g(d)
SELECT * FROM range(10) AS r(i) WHERE i % 2 = 0
SELECT i, i * 2 AS j, j + 1 AS k FROM range(5) t(i)
SELECT CASE WHEN score IS NULL THEN 'none' ELSE (score // 1)::INT::VARCHAR || '-' || ((score // 1) + 1)::INT::VARCHAR END AS bucket, count(*) FROM {t} GROUP BY bucket ORDER BY bucket
WITH base AS (SELECT *, end_time - start_time AS dur FROM {t}), agg AS (SELECT video_id, sum(dur) AS total, count(*) AS n FROM base GROUP BY video_id) SELECT a.*, total / n AS mean FROM agg a ORDER BY 1
WITH a(x, y) AS (SELECT segment_id, score FROM {t}) SELECT x, y FROM a WHERE y > (SELECT avg(y) FROM a) ORDER BY 1
WITH a AS NOT MATERIALIZED (SELECT 1 AS x), b AS MATERIALIZED (SELECT x + 1 AS y FROM a) SELECT * FROM a, b
SELECT * FROM (SELECT segment_id, score, max(score) OVER (PARTITION BY video_id) AS m FROM {t}) WHERE score = m ORDER BY 1
SELECT video_id, sum(score) AS s, s / sum(s) OVER () AS share FROM {t} GROUP BY video_id ORDER BY video_id
SELECT video_id, sum(score), sum(sum(score)) OVER (ORDER BY video_id) AS running FROM {t} GROUP BY video_id ORDER BY video_id
WITH x AS (SELECT segment_id, start_time, start_time - lag(end_time) OVER (PARTITION BY video_id ORDER BY start_time) AS gap FROM {t}), y AS (SELECT *, sum(CASE WHEN gap > 5 THEN 1 ELSE 0 END) OVER (ORDER BY segment_id) AS island FROM x) SELECT island, count(*), min(start_time), max(start_time) FROM y GROUP BY island ORDER BY island
SELECT a.segment_id, b.segment_id, greatest(a.start_time, b.start_time) AS s, least(a.end_time, b.end_time) AS e FROM {t} a JOIN {u} b ON a.video_id = b.video_id AND a.start_time < b.end_time AND b.start_time < a.end_time WHERE e - s > 1 ORDER BY ALL
SELECT segment_id, a."scene.location" AS one, b."scene.location" AS two FROM {t} a FULL JOIN {u} b USING (segment_id) WHERE a."scene.location" IS DISTINCT FROM b."scene.location" ORDER BY 1
SELECT run_id, count(*) FROM segments GROUP BY run_id ORDER BY run_id
SELECT s.run_id, s.segment_id, t."scene.location" FROM segments s JOIN {t} t USING (result_id) ORDER BY 2
SELECT v.summary, count(t.segment_id) FROM {v} v LEFT JOIN {t} t USING (video_id) GROUP BY v.summary ORDER BY 1
SELECT video_id, unnest("chapters[]") AS chapter FROM {v} ORDER BY ALL
SELECT COUNT(*), COUNT(transcription), SUM(LENGTH(transcription)), AVG(LENGTH(transcription)) FROM {t}
SELECT columns(c -> c LIKE 'scene%') FROM {t} ORDER BY ALL
SELECT COLUMNS(* EXCLUDE (extra)) FROM {t} ORDER BY ALL
SELECT max(COLUMNS('score|shots')) FROM {t}
SELECT * LIKE 'scene.%' FROM {t} ORDER BY ALL
SELECT COLUMNS('(score|shots)') AS 'max_\1' FROM {t} ORDER BY ALL
SELECT * EXCLUDE ("scene.people[]") REPLACE (upper(video_name) AS video_name) FROM {t} ORDER BY segment_id LIMIT 3
SELECT #1, #2 FROM {t} ORDER BY 1
SELECT segment_id AS "Segment Id", score "Score!" FROM {t} ORDER BY "Score!" DESC
SELECT segment_id FROM {t} ORDER BY random() LIMIT 3
SELECT segment_id FROM {t} ORDER BY hash(segment_id) LIMIT 3
SELECT count(*) >= 0 FROM (SELECT segment_id FROM {t} USING SAMPLE 10% (bernoulli))
SELECT count(*) >= 0 FROM {t} TABLESAMPLE 50 PERCENT
SELECT segment_id FROM {t} USING SAMPLE reservoir(3 ROWS) REPEATABLE (42)
SELECT segment_id FROM {t} LIMIT 10%
SELECT segment_id FROM {t} ORDER BY 1 FETCH FIRST 3 ROWS ONLY
SELECT segment_id FROM {t} ORDER BY 1 OFFSET 3 ROWS FETCH NEXT 2 ROWS ONLY
SELECT uuid() IS NOT NULL, gen_random_uuid() IS NOT NULL, typeof(1.5), pg_typeof(1)
SELECT extra->'$.camera'->>'lens', extra->>'camera', extra.camera.lens, json_extract(extra, ['$.camera', '$.x']) FROM {t} ORDER BY ALL
SELECT j.value FROM {t}, json_each(extra) j
SELECT key, value FROM {t}, json_each(extra)
SELECT json_group_array(segment_id), json_group_object(segment_id, score), json_structure('{"a":1}'), json_pretty('{"a":1}'), json_array(1, 'a'), json_merge_patch('{"a":1}', '{"b":2}') FROM {t}
SELECT from_json('{"a": 1}', '{"a": "INTEGER"}').a, json_transform('[1]', '["INT"]'), json_valid('{}'), '{"a": [1,2]}'::JSON->'$.a[*]'
SELECT greatest(a, b) FROM (VALUES (1, 2), (3, 1)) v(a, b)
SELECT ALL segment_id FROM {t} WHERE score > ALL (SELECT 0) AND score < ANY (SELECT score FROM {u}) ORDER BY 1
SELECT segment_id, CAST(score AS NUMERIC(10, 3)), score::REAL, shots::SMALLINT, shots::UTINYINT, is_outdoor::INT, '12'::HUGEINT, 'x'::TEXT, 'abc'::BLOB, '\xAA'::BYTEA FROM {t} ORDER BY 1
SELECT md5('a'), sha256('a'), sha1('a'), base64('a'::BLOB), to_base64('a'::BLOB), from_base64('YQ=='), hex('a'), unhex('61'), encode('a'), decode('a'::BLOB), url_encode('a b')
SELECT parse_filename(video_name), parse_path(video_name), parse_dirname('a/b'), parse_dirpath('a/b'), format_bytes(1000), formatReadableSize(1000), formatReadableDecimalSize(1000) FROM {t} ORDER BY ALL
SELECT list_cosine_similarity([1.0, 2.0], [2.0, 3.0]), array_distance([1.0, 2.0]::FLOAT[2], [2.0, 3.0]::FLOAT[2]), list_distance([1.0], [2.0]), list_dot_product([1.0], [2.0])
SELECT array_value(1, 2), [1, 2]::INT[2], array_length([1, 2]), cardinality([1, 2]), array_pop_back([1, 2]), array_push_front([1], 0), flatten([[1], [2]]), array_to_string_comma_default([1, 2])
SELECT list_resize([1], 3), list_intersect([1, 2], [2]), list_where([1, 2], [true, false]), list_select([1, 2], [1]), array_reduce([1, 2], (x, y) -> x + y), list_reduce([1, 2], (x, y) -> x + y, 10), [[1, 2], [3]][1][2]
SELECT segment_id, row_number() OVER () AS n FROM {t} QUALIFY row_number() OVER (PARTITION BY "scene.location" ORDER BY score DESC) = 1 ORDER BY 1
SELECT video_id, segment_id FROM {t} QUALIFY score = max(score) OVER (PARTITION BY video_id) ORDER BY ALL
SELECT DISTINCT ON ("scene.location") "scene.location", segment_id, score FROM {t} ORDER BY "scene.location", score DESC
SELECT * FROM {t} WHERE (video_id, start_time) IN (SELECT (video_id, max(start_time)) FROM {t} GROUP BY video_id) ORDER BY segment_id
SELECT * FROM {t} WHERE row(video_id, start_time) = (SELECT row(video_id, start_time) FROM {t} ORDER BY segment_id LIMIT 1)
SELECT (SELECT count(*) FROM {t}) - (SELECT count(*) FROM {u}) AS diff
SELECT a.n, b.n FROM (SELECT count(*) n FROM {t}) a CROSS JOIN (SELECT count(*) n FROM {u}) b
FROM {t} SELECT "scene.location", count(*) GROUP BY ALL ORDER BY 2 DESC LIMIT 3
FROM (FROM {t} SELECT score WHERE score > 1) SELECT avg(score)
FROM {t} AS x JOIN {u} AS y USING (segment_id) SELECT x.segment_id, y.score ORDER BY 1
SELECT t1.c FROM (SELECT count(*) FROM {t}) AS t1(c)
SELECT 'seg' AS kind, count(*) FROM {t} UNION ALL SELECT 'vid', count(*) FROM {v} ORDER BY kind
SELECT DISTINCT unnest("topics[]") FROM {t} ORDER BY 1
SELECT topic, list(segment_id ORDER BY segment_id) FROM (SELECT segment_id, unnest("topics[]") topic FROM {t}) GROUP BY topic HAVING count(*) > 2 ORDER BY topic
SELECT a.topic, b.topic, count(*) FROM (SELECT segment_id, unnest("topics[]") topic FROM {t}) a JOIN (SELECT segment_id, unnest("topics[]") topic FROM {t}) b ON a.segment_id = b.segment_id AND a.topic < b.topic GROUP BY ALL ORDER BY ALL
SELECT emotion, count(*) * 100.0 / sum(count(*)) OVER () AS pct FROM {people} GROUP BY emotion ORDER BY pct DESC, emotion
SELECT segment_id, emotion, confidence, avg(confidence) OVER (PARTITION BY emotion) FROM {people} ORDER BY ALL
SELECT * FROM (SELECT segment_id, emotion FROM {people}) PIVOT (count(*) FOR emotion IN ('happy', 'sad', 'angry')) ORDER BY 1
SELECT * FROM (SELECT video_id, emotion, confidence FROM {people}) PIVOT (avg(confidence) AS mean, count(*) AS n FOR emotion IN ('happy' AS h, 'sad' AS s)) ORDER BY 1
SELECT * FROM {people} p JOIN {hands} h USING (segment_id) ORDER BY ALL LIMIT 3
SELECT exists(SELECT 1 FROM {t} WHERE score > 100), not exists(SELECT 1 FROM {t})
SELECT segment_id, alias(score), chr(65), ord('A'), bin(5), to_base(10, 2), bit_count(5) FROM {t} ORDER BY 1
SELECT segment_id FROM {t} WHERE list_bool_or(list_transform("scene.people[]", p -> p.confidence > 0.8)) ORDER BY 1
SELECT sum(list_sum("scene.people[].age")), avg(len("scene.people[]")) FROM {t}
SELECT avg(u) FROM (SELECT unnest("scene.people[].confidence") AS u FROM {t})
SELECT segment_id FROM {t} WHERE "scene.people[].emotion" = ['happy', 'sad'] OR "topics[]" IS NULL OR "topics[]" = [] ORDER BY 1
SELECT segment_id FROM {t} WHERE len("topics[]") = 0 OR array_length("topics[]", 1) > 2 ORDER BY 1
SELECT segment_id FROM {t} WHERE lower("shot on") >= '2026-03-10' AND "shot on"::DATE BETWEEN '2026-03-01' AND '2026-03-31' ORDER BY 1
SELECT segment_id FROM {t} WHERE video_name IN (SELECT video_name FROM {v}) ORDER BY start_time DESC NULLS FIRST, segment_id
SELECT segment_id FROM {t} WHERE starts_with(lower(transcription), 'we') AND transcription ^@ 'we' ORDER BY 1
SELECT segment_id, CASE WHEN is_outdoor THEN 'out' END AS w FROM {t} GROUP BY ALL ORDER BY 1
SELECT any_value("scene.location" ORDER BY score), min(score) AS lo, max(score) AS hi, hi - lo AS spread FROM {t}
SELECT product(1 + score), geomean(score + 1), sem(score), mad(score), favg(score), kahan_sum(score), sumKahan(score), fsum(score), count_if(score > 1), countif(is_outdoor), weighted_avg(score, shots + 1) FROM {t}
SELECT segment_id, score.round(1), segment_id.upper().lower() FROM {t} ORDER BY 1
SELECT summary FROM (SELECT list("scene.location") AS l, l.list_distinct().list_sort() AS summary FROM {t})
SELECT TIMESTAMP '2026-03-01 10:00' AT TIME ZONE 'America/New_York', timezone('UTC', TIMESTAMP '2026-03-01 10:00'), executed_at AT TIME ZONE 'UTC' FROM {t} ORDER BY ALL
SELECT date '2026-01-01', time '10:00:00', timestamp '2026-01-01 10:00:00', interval 3 day, interval '1 year 2 months', DATE '2026-01-01' - INTERVAL 1 DAY
SELECT * FROM (PIVOT {t} ON "scene.mood" USING count(*) GROUP BY "scene.location") ORDER BY 1
PIVOT {t} ON "scene.mood", is_outdoor USING count(*) GROUP BY "scene.location"
WITH a AS (SELECT "scene.mood" AS mood, score FROM {t}) PIVOT a ON mood USING sum(score), count(*)
PIVOT {t} ON "scene.mood" IN ('Calm') USING count(*) AS n GROUP BY video_id
PIVOT {people} ON emotion USING avg(confidence) GROUP BY segment_id
PIVOT_WIDER {t} ON "scene.mood" USING count(*) GROUP BY video_id
SELECT repeat('#', shots::INT % 10) AS bar, repeat('=', (score * 2)::INT), rpad(video_name, 20, '.') FROM {t} ORDER BY ALL
SELECT TRY(CAST('x' AS INT)), TRY_CAST('3' AS INT), CAST('2026-01-01' AS DATE), '[1, 2]'::VARCHAR::INT[], '{"a":1}'::JSON->'a'
SELECT 1 IN (1, 2), (1, 2) IN ((1, 2), (3, 4)), NOT TRUE, TRUE AND NULL, 'a' || 'b', 'abc'[1], 'abc'[1:2], 'abc'[-1]
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT i FROM n ORDER BY i
WITH RECURSIVE days AS (SELECT DATE '2026-03-01' AS d UNION ALL SELECT d + 1 FROM days WHERE d < DATE '2026-03-07') SELECT d, count(t.segment_id) FROM days LEFT JOIN {t} t ON t."shot on"::DATE = d GROUP BY d ORDER BY d
WITH RECURSIVE chain AS (SELECT video_id, start_time, end_time, 1 AS n FROM {t} WHERE start_time = 0 UNION ALL SELECT t.video_id, t.start_time, t.end_time, n + 1 FROM chain c JOIN {t} t ON t.video_id = c.video_id AND t.start_time = c.end_time) SELECT video_id, max(n) FROM chain GROUP BY 1 ORDER BY 1
SELECT array_to_string("topics[]", E'\n'), string_split(transcription, e'\t'), $$a text between dollars that is longer than any number may be$$ FROM {t} ORDER BY segment_id
SELECT equi_width_bins(0, 10, 5, true), histogram("scene.location") FROM {t}
SELECT sum(score) / nullif(count(*), 0), round(avg(score), 2), even(3), 7 % 3, mod(7, 3), @(-3), 2 ** 3, factorial(5), gcd(4, 6), cbrt(8), fdiv(7, 2) FROM {t}
""".strip().splitlines()
