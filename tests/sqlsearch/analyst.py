"""Queries that an analyst writes; none may be refused, and each must give what a bare engine gives."""

from __future__ import annotations

QUERIES = [
    line.strip()
    for line in """
SELECT * FROM {t}
SELECT * FROM segments
FROM {t}
FROM {t} SELECT segment_id, score LIMIT 3
SELECT count(*) FROM {t}
SELECT count(*) AS n, count(DISTINCT video_id) AS videos FROM {t}
SELECT "scene.location", count(*) FROM {t} GROUP BY 1 ORDER BY 2 DESC, 1
SELECT "scene.location", count(*) AS n FROM {t} GROUP BY ALL ORDER BY ALL
SELECT "scene.location" AS place, avg(score) AS mean FROM {t} GROUP BY place HAVING avg(score) > 1 ORDER BY mean
SELECT DISTINCT "scene.mood" FROM {t} ORDER BY 1
SELECT DISTINCT ON (video_id) video_id, segment_id FROM {t} ORDER BY video_id, start_time
SELECT segment_id FROM {t} WHERE "scene.location" = 'kitchen' AND score >= 0.4 ORDER BY start_time
SELECT segment_id FROM {t} WHERE "scene.location" IN ('kitchen', 'street') OR NOT is_outdoor ORDER BY 1
SELECT segment_id FROM {t} WHERE "scene.location" ILIKE '%KIT%' ORDER BY 1
SELECT segment_id FROM {t} WHERE "scene.location" NOT LIKE 'k%' ORDER BY 1
SELECT segment_id FROM {t} WHERE "scene.location" LIKE 'k\\_%' ESCAPE '\\' ORDER BY 1
SELECT segment_id FROM {t} WHERE transcription IS NULL ORDER BY 1
SELECT segment_id FROM {t} WHERE transcription IS NOT NULL AND score BETWEEN 0.5 AND 1 ORDER BY 1
SELECT segment_id FROM {t} WHERE list_contains("scene.people[].emotion", 'happy') ORDER BY 1
SELECT segment_id FROM {t} WHERE 'happy' IN "scene.people[].emotion" ORDER BY 1
SELECT segment_id FROM {t} WHERE 'happy' = ANY("scene.people[].emotion") ORDER BY 1
SELECT segment_id FROM {t} WHERE list_has_any("topics[]", ['food', 'sport']) ORDER BY 1
SELECT segment_id FROM {t} WHERE array_contains("topics[]", 'news') ORDER BY 1
SELECT segment_id, len("scene.people[]") AS people FROM {t} ORDER BY people DESC, segment_id
SELECT segment_id, "topics[]"[1] AS first, "topics[]"[-1] AS last, "topics[]"[1:2] AS two FROM {t} ORDER BY 1
SELECT segment_id, list_sort("topics[]"), list_distinct("topics[]"), list_reverse("topics[]") FROM {t} ORDER BY 1
SELECT segment_id, list_transform("topics[]", x -> upper(x)) FROM {t} ORDER BY 1
SELECT segment_id, list_transform("topics[]", lambda x: upper(x)) FROM {t} ORDER BY 1
SELECT segment_id, list_filter("scene.people[].age", x -> x > 20) FROM {t} ORDER BY 1
SELECT segment_id, [upper(x) FOR x IN "topics[]" IF x <> 'news'] FROM {t} ORDER BY 1
SELECT segment_id, list_sum("scene.people[].confidence"), list_avg("scene.people[].confidence") FROM {t} ORDER BY 1
SELECT segment_id, list_aggregate("scene.people[].age", 'max') FROM {t} ORDER BY 1
SELECT segment_id, array_to_string("topics[]", ', ') FROM {t} ORDER BY 1
SELECT segment_id, list_reduce(list_concat([0], "scene.people[].age"), (a, b) -> coalesce(a, 0) + coalesce(b, 0)) FROM {t} ORDER BY 1
SELECT emotion, count(*) FROM {people} GROUP BY emotion ORDER BY 2 DESC, 1
SELECT emotion, avg(confidence), min(age), max(age) FROM {people} GROUP BY emotion ORDER BY emotion
SELECT segment_id, item_index, emotion FROM {people} WHERE emotion = 'happy' AND confidence >= 0.7 ORDER BY 1, 2
SELECT people_index, holds, count(*) FROM {hands} GROUP BY ALL ORDER BY ALL
SELECT "tags[]", count(*) FROM {people} GROUP BY 1 ORDER BY 1
SELECT unnest("topics[]") AS topic, segment_id FROM {t} ORDER BY 2, 1
SELECT topic, count(*) FROM (SELECT unnest("topics[]") AS topic FROM {t}) GROUP BY topic ORDER BY 2 DESC, 1
SELECT t.segment_id, p.emotion FROM {t} t, unnest(t."scene.people[]") AS u(p) ORDER BY 1, 2
SELECT t.segment_id, u.p.emotion FROM {t} AS t CROSS JOIN unnest(t."scene.people[]") AS u(p) ORDER BY 1, 2
SELECT segment_id, x FROM {t}, LATERAL (SELECT unnest("topics[]") AS x) ORDER BY 1, 2
SELECT segment_id, unnest("scene.people[]", recursive := true) FROM {t} ORDER BY ALL
SELECT p.emotion FROM (SELECT unnest("scene.people[]") AS p FROM {t}) ORDER BY 1
SELECT "scene.people[]"[1].emotion FROM {t} ORDER BY 1
SELECT segment_id, generate_subscripts("topics[]", 1) AS i FROM {t} ORDER BY 1, 2
SELECT segment_id, unnest(range(len("topics[]"))) AS i FROM {t} ORDER BY 1, 2
SELECT a.segment_id, a.score, b.score FROM {t} a JOIN {u} b USING (segment_id) ORDER BY 1
SELECT a.segment_id FROM {t} a JOIN {u} b ON a.segment_id = b.segment_id AND a.score > b.score - 1 ORDER BY 1
SELECT count(*) FROM {t} a LEFT JOIN {u} b ON a.segment_id = b.segment_id AND b.is_outdoor
SELECT count(*) FROM {t} a FULL OUTER JOIN {u} b USING (segment_id)
SELECT count(*) FROM {t} a RIGHT JOIN {u} b USING (segment_id)
SELECT segment_id FROM {t} SEMI JOIN {people} USING (segment_id) ORDER BY 1
SELECT segment_id FROM {t} ANTI JOIN {people} USING (segment_id) ORDER BY 1
SELECT a.segment_id, b.start_time FROM {t} a ASOF JOIN {u} b ON a.video_id = b.video_id AND a.start_time >= b.start_time ORDER BY 1
SELECT v.summary, count(*) FROM {v} v JOIN {t} t USING (video_id) GROUP BY 1 ORDER BY 1
SELECT run_id, count(*) FROM segments GROUP BY run_id ORDER BY 1
SELECT segment_id FROM {t} UNION SELECT segment_id FROM {u} ORDER BY 1
SELECT segment_id FROM {t} WHERE score > 1 UNION ALL SELECT segment_id FROM {u} WHERE score < 1 ORDER BY 1
SELECT segment_id FROM {t} EXCEPT SELECT segment_id FROM {people} ORDER BY 1
SELECT segment_id FROM {t} INTERSECT SELECT segment_id FROM {people} ORDER BY 1
SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS a ORDER BY a
WITH a AS (SELECT * FROM {t} WHERE score > 1) SELECT count(*) FROM a
WITH a AS (SELECT video_id, score FROM {t}), b AS (SELECT video_id, max(score) AS top FROM a GROUP BY 1) SELECT * FROM b ORDER BY 1
WITH a(v, s) AS MATERIALIZED (SELECT video_id, score FROM {t}) SELECT v, sum(s) FROM a GROUP BY v ORDER BY v
SELECT * FROM (SELECT segment_id, score FROM {t} ORDER BY score DESC LIMIT 5) ORDER BY 1
SELECT segment_id, (SELECT count(*) FROM {people} p WHERE p.segment_id = t.segment_id) AS n FROM {t} t ORDER BY 1
SELECT segment_id FROM {t} t WHERE EXISTS (SELECT 1 FROM {people} p WHERE p.segment_id = t.segment_id AND p.age > 20) ORDER BY 1
SELECT segment_id FROM {t} WHERE score > (SELECT avg(score) FROM {t}) ORDER BY 1
SELECT segment_id, row_number() OVER (PARTITION BY video_id ORDER BY start_time) AS n FROM {t} ORDER BY 1
SELECT segment_id, rank() OVER (ORDER BY "scene.location"), dense_rank() OVER (ORDER BY "scene.location") FROM {t} ORDER BY 1
SELECT segment_id, lag(score) OVER w, lead(score, 2, 0.0) OVER w, first_value(score) OVER w FROM {t} WINDOW w AS (PARTITION BY video_id ORDER BY start_time) ORDER BY 1
SELECT segment_id, sum(score) OVER (ORDER BY start_time, segment_id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM {t} ORDER BY 1
SELECT segment_id, avg(score) OVER (PARTITION BY video_id ORDER BY start_time RANGE BETWEEN 10 PRECEDING AND 10 FOLLOWING) FROM {t} ORDER BY 1
SELECT segment_id, ntile(4) OVER (ORDER BY score), percent_rank() OVER (ORDER BY score), cume_dist() OVER (ORDER BY score) FROM {t} ORDER BY 1
SELECT segment_id, score FROM {t} QUALIFY row_number() OVER (PARTITION BY "scene.location" ORDER BY score DESC) = 1 ORDER BY 1
SELECT count(*) FILTER (WHERE is_outdoor), sum(score) FILTER (WHERE score > 1), count_if(is_outdoor) FROM {t}
SELECT "scene.location", "scene.mood", count(*) FROM {t} GROUP BY ROLLUP ("scene.location", "scene.mood") ORDER BY ALL
SELECT "scene.location", "scene.mood", count(*) FROM {t} GROUP BY CUBE ("scene.location", "scene.mood") ORDER BY ALL
SELECT "scene.location", video_id, count(*), grouping("scene.location") FROM {t} GROUP BY GROUPING SETS (("scene.location"), (video_id), ()) ORDER BY ALL
SELECT median(score), quantile_cont(score, 0.9), quantile_disc(score, [0.1, 0.5]), mode("scene.location") FROM {t}
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY score) FROM {t}
SELECT stddev(score), var_pop(score), corr(score, shots), regr_slope(score, shots), skewness(score) FROM {t}
SELECT arg_max(segment_id, score), min_by(segment_id, score), max(score, 3), approx_count_distinct(video_id) FROM {t}
SELECT string_agg(segment_id, ',' ORDER BY segment_id), list(shots ORDER BY shots DESC), histogram("scene.location") FROM {t}
SELECT bool_and(is_outdoor), bool_or(is_outdoor), bit_or(shots), product(shots + 1), entropy("scene.location") FROM {t}
SELECT any_value(run_id), first(segment_id ORDER BY segment_id), last(segment_id ORDER BY segment_id) FROM {t}
SELECT segment_id FROM {t} WHERE regexp_matches(transcription, 'number [0-9]+') ORDER BY 1
SELECT segment_id FROM {t} WHERE transcription SIMILAR TO '.*number 1.*' ORDER BY 1
SELECT segment_id FROM {t} WHERE transcription ~ 'number.*' ORDER BY 1
SELECT segment_id, regexp_extract(transcription, 'number (\\d+)', 1)::INTEGER AS n FROM {t} ORDER BY 1
SELECT regexp_replace("scene.location", '[aeiou]', '*', 'g'), regexp_extract_all("scene.location", '[aeiou]') FROM {t} ORDER BY segment_id
SELECT regexp_split_to_array(metadata_text, ':\\s*'), string_split(metadata_text, ': '), split_part(metadata_text, ': ', 2) FROM {t} ORDER BY segment_id
SELECT upper("scene.location"), lower(video_name), length(video_name), reverse(segment_id), trim('  x ') FROM {t} ORDER BY segment_id
SELECT left(segment_id, 3), right(segment_id, 4), substring(segment_id, 5, 2), replace(segment_id, 'seg', 's') FROM {t} ORDER BY segment_id
SELECT concat(segment_id, '-', shots), concat_ws('/', video_id, segment_id), segment_id || ':' || shots FROM {t} ORDER BY 1
SELECT lpad(shots::VARCHAR, 6, '0'), rpad('x', 10, '.'), repeat('*', 5), repeat('*', least(shots, 20)) FROM {t} ORDER BY 1
SELECT format('{} has {:.2f}', segment_id, score), printf('%s %05d', segment_id, shots) FROM {t} ORDER BY 1
SELECT contains(transcription, 'talk'), starts_with(segment_id, 'seg'), ends_with(segment_id, '1'), strpos(segment_id, '_'), instr(segment_id, '_'), position('_' IN segment_id) FROM {t} ORDER BY segment_id
SELECT levenshtein("scene.location", 'kitchn'), jaro_winkler_similarity("scene.location", 'kitchn'), jaccard("scene.location", 'kit') FROM {t} ORDER BY segment_id
SELECT md5(segment_id), hash(segment_id) % 10, strip_accents('café'), ascii('a'), chr(97), unicode('é') FROM {t} ORDER BY segment_id
SELECT round(score, 1), floor(score), ceil(score), abs(-score), sqrt(score), score ** 2, shots // 2, shots % 3, -shots FROM {t} ORDER BY segment_id
SELECT ln(score + 1), log10(score + 1), log2(score + 1), log(score + 1), exp(score), power(score, 2), sign(score - 1), greatest(score, 1), least(score, 1), pi() FROM {t} ORDER BY segment_id
SELECT 0.1 + 0.2, 1e3, 1_000, 7 / 2, 7 // 2, 2 ^ 10, 5 & 3, 5 | 3, 1 << 3, ~5, xor(5, 3), factorial
FROM (SELECT 1 AS factorial)
SELECT CASE WHEN score > 1 THEN 'high' WHEN score > 0.5 THEN 'mid' ELSE 'low' END AS band, count(*) FROM {t} GROUP BY band ORDER BY band
SELECT CASE "scene.location" WHEN 'kitchen' THEN 1 ELSE 0 END, if(is_outdoor, 'out', 'in'), ifnull(transcription, '-'), nullif(shots, 0), coalesce(transcription, 'none') FROM {t} ORDER BY segment_id
SELECT shots::VARCHAR, CAST(score AS DECIMAL(10, 2)), TRY_CAST("shot on" AS DATE), score::INT, '5'::BIGINT, typeof(score) FROM {t} ORDER BY segment_id
SELECT date_trunc('hour', executed_at) AS hour, count(*) FROM {t} GROUP BY hour ORDER BY hour
SELECT date_part('year', executed_at), extract(month FROM executed_at), year(executed_at), month(executed_at), dayname(executed_at), dayofweek(executed_at) FROM {t} ORDER BY segment_id
SELECT "shot on"::DATE AS day, count(*) FROM {t} GROUP BY day ORDER BY day
SELECT segment_id FROM {t} WHERE executed_at >= '2026-03-01' AND executed_at < TIMESTAMP '2026-03-01 12:10:00' ORDER BY 1
SELECT segment_id FROM {t} WHERE executed_at > TIMESTAMPTZ '2026-03-01 12:05:00+00' - INTERVAL 2 MINUTE ORDER BY 1
SELECT date_diff('day', DATE '2026-01-01', "shot on"::DATE), "shot on"::DATE + INTERVAL 3 DAY, "shot on"::DATE - DATE '2026-01-01' FROM {t} ORDER BY segment_id
SELECT strftime(executed_at, '%Y-%m-%d %H:%M'), strptime("shot on", '%Y-%m-%d'), epoch(executed_at), to_timestamp(0), make_date(2026, 1, 2) FROM {t} ORDER BY segment_id
SELECT executed_at AT TIME ZONE 'Europe/Berlin', time_bucket(INTERVAL '10 minutes', executed_at), last_day("shot on"::DATE), age(DATE '2026-02-01', DATE '2026-01-01') FROM {t} ORDER BY segment_id
SELECT count(*) FROM {t} WHERE executed_at < now() AND executed_at < current_timestamp AND "shot on"::DATE <= current_date + 100000
SELECT day, count(t.segment_id) FROM (SELECT unnest(generate_series(DATE '2026-03-01', DATE '2026-03-07', INTERVAL 1 DAY)) AS day) LEFT JOIN {t} t ON t."shot on"::DATE = day GROUP BY day ORDER BY day
SELECT r.range AS minute, count(t.segment_id) FROM range(0, 12) r LEFT JOIN {t} t ON t.start_time::INT // 10 = r.range GROUP BY 1 ORDER BY 1
SELECT floor(start_time / 30) * 30 AS bucket, count(*) FROM {t} GROUP BY bucket ORDER BY bucket
SELECT extra->>'$.camera.lens' AS lens, extra->'camera', json_extract(extra, '$.camera.lens')::INT FROM {t} WHERE extra IS NOT NULL ORDER BY segment_id
SELECT json_extract_string(extra, '$.camera.lens'), json_keys(extra), json_type(extra), json_array_length('[1,2]') FROM {t} ORDER BY segment_id
SELECT to_json("scene.people[]"), json_object('id', segment_id), row_to_json({'a': 1}) FROM {t} ORDER BY segment_id
SELECT {'id': segment_id, 'n': shots} AS pair, struct_pack(a := 1), MAP {'a': 1}, map_keys(MAP {'a': 1}), [1, 2], (1, 2) FROM {t} ORDER BY segment_id
SELECT (SELECT {'a': 5}).a, struct_extract({'a': 1}, 'a'), flatten([[1], [2]]), list_zip([1], ['a']), cardinality(MAP {'a': 1})
SELECT * EXCLUDE (extra, metadata_text) FROM {t} ORDER BY segment_id
SELECT * REPLACE (round(score) AS score) FROM {t} ORDER BY segment_id
SELECT * RENAME (score AS points) FROM {t} ORDER BY segment_id
SELECT COLUMNS('scene.*') FROM {t} ORDER BY ALL
SELECT min(COLUMNS(['score', 'shots'])) FROM {t}
SELECT t.* FROM {t} t ORDER BY t.segment_id
SELECT "shot on", "SCENE.LOCATION" FROM {t} ORDER BY segment_id
SELECT * FROM (SELECT "scene.mood" AS mood, "scene.location" AS place FROM {t}) PIVOT (count(*) FOR mood IN ('Calm', 'Tense')) ORDER BY ALL
SELECT * FROM (SELECT segment_id, score, shots::DOUBLE AS shots FROM {t}) UNPIVOT (value FOR what IN (score, shots)) ORDER BY ALL
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(n, letter) ORDER BY n
VALUES (1, 'a'), (2, 'b')
SELECT segment_id, start_time, end_time, end_time - start_time AS seconds FROM {t} ORDER BY seconds DESC, start_time LIMIT 5 OFFSET 2
SELECT segment_id FROM {t} ORDER BY score DESC NULLS LAST, segment_id COLLATE NOCASE ASC LIMIT 10
SELECT count(*) FROM (SELECT * FROM {t} USING SAMPLE 5)
SELECT count(*) FROM {t} TABLESAMPLE reservoir(5 ROWS)
SELECT /* a comment */ count(*) -- another\x20
FROM {t};
SELECT 'it''s', $$dollar; quoted$$, 'a;b', 'read_text(''x'')', '/etc/passwd', 'DROP TABLE x'
SELECT NULL, TRUE, 1.5, 'x', DATE '2026-01-01', INTERVAL '1' HOUR, TIME '10:00', '2026-01-01'::TIMESTAMP
SELECT score IS DISTINCT FROM 1, score IS NOT DISTINCT FROM 1, (is_outdoor) IS TRUE, score = 1 OR score <> 2 FROM {t} ORDER BY segment_id
SELECT sum(shots) AS total, sum(shots)::BIGINT, avg(shots), count(*) * 1.0 / 3, 10::HUGEINT * 10 FROM {t}
SELECT transcription, len(string_split(transcription, ' ')) AS words FROM {t} WHERE words > 3 ORDER BY segment_id
SELECT a.segment_id AS one, b.segment_id AS two FROM {t} a, {t} b WHERE a.end_time = b.start_time AND a.video_id = b.video_id ORDER BY ALL
""".replace("\nFROM (SELECT 1 AS factorial)", " FROM (SELECT 1 AS factorial)")
    .replace("\\x20\nFROM {t};", "\x20\nFROM {t};")
    .strip()
    .split("\n")
]
