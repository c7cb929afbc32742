"""Statements that want more time or memory than one query may have."""

from __future__ import annotations

SIZES = [
    "SELECT repeat('x', 2000000000)",
    "SELECT length(repeat('x', 2000000000))",
    "SELECT 'x'.repeat(2000000000)",
    "SELECT repeat([1], 900000000)",
    "SELECT repeat(repeat(repeat('x', 1000), 1000), 1000)",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT rpad('x', 2000000000, 'y')",
    "SELECT rpad('x', 1000 * 1000 * 1000, 'y')",
    "SELECT lpad('x', (SELECT 2000000000), 'y')",
    "SELECT printf('%.*c', 900000000, 'x')",
    "SELECT printf('%900000000d', 1)",
    "SELECT format('{:900000000}', 'x')",
    "SELECT format('{:{}}', 'x', 900000000)",
    "SELECT bar(1, 0, 1, 1000000000)",
    "SELECT range(2000000000)",
    "SELECT len(range(0, 9000000000000, 1))",
    "SELECT list_sum(range(10::BIGINT ** 12))",
    "SELECT generate_series(1, 10000000000)",
    "SELECT count(*) FROM range(100000000000)",
    "SELECT count(*) FROM generate_series(0, 900000000000)",
    "SELECT max(a.range + b.range) FROM range(9000000000) a, range(9000000000) b",
    "SELECT unnest(range(2000000000))",
    "SELECT list_resize([1], 900000000)",
    "SELECT array_resize([1], 900000000)",
    "SELECT bitstring('1', 2000000000)",
    "SELECT to_base(1, 2, 1000000000)",
    "SELECT equi_width_bins(0, 1e9::BIGINT, 1000000000, false)",
    "SELECT range(TIMESTAMP '0001-01-01', TIMESTAMP '9999-01-01', INTERVAL 1 MICROSECOND) FROM repeat_row(1, num_rows = 9)",
    "SELECT * FROM repeat_row(1, num_rows = 1000000000)",
    "SELECT * FROM repeat('x', 1000000000)",
    f"SELECT '{'x' * 9000}'",
    f"SELECT {'9' * 60}",
    f"SELECT 1{' + 1' * 6000}",
    f"SELECT {'(' * 6000}1{')' * 6000}",
    f"SELECT {'NOT ' * 4000}true",
    f"SELECT {','.join(['1'] * 6000)}",
    f"SELECT 1 IN ({','.join(map(str, range(3900)))}, (SELECT max(n) FROM (VALUES {','.join(['(1)'] * 500)}) v(n)))",
    f"SELECT * FROM {{t}} WHERE {' OR '.join(['score > 1'] * 1500)}",
    "SELECT 1 " + " " * 20_000,
]
"""Statements whose literals or whose length alone give them away."""

HUNGRY = [
    """WITH a AS (SELECT repeat('x', 1000) AS s), b AS (SELECT string_agg(s, '') AS s FROM a, range(1000)),
    c AS (SELECT string_agg(s, '') AS s FROM b, range(1000)) SELECT length(s) FROM c""",
    "WITH a AS (SELECT 'xxxxxxxx' AS s), "
    + ", ".join(f"{chr(98 + n)} AS (SELECT s || s || s || s AS s FROM {chr(97 + n)})" for n in range(14))
    + " SELECT length(s), s FROM o",
    "SELECT list(a.range) FROM range(1000000) a, range(1000000) b",
    "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c WHERE a.range + b.range > c.range",
    "SELECT a.range, b.range FROM range(1000000) a, range(1000000) b ORDER BY random()",
    "SELECT sum(x) FROM (SELECT a.range AS x FROM range(1000000) a JOIN range(1000000) b ON a.range % 7 = b.range % 7)",
    "SELECT count(DISTINCT a.range * 1000000 + b.range) FROM range(1000000) a, range(1000000) b",
    "SELECT len(list_transform(range(1000000), x -> len(list_transform(range(1000000), y -> x * y))))",
    "SELECT string_agg(a.segment_id || b.segment_id, '') FROM {t} a, {t} b, {t} c, {t} d, {t} e, {t} f",
    "SELECT count(*) FROM {t} a, {t} b, {t} c, {t} d, {t} e, {t} f, {t} g, {t} h WHERE a.score + b.score > c.score",
    "SELECT row_number() OVER (ORDER BY a.range + b.range) FROM range(1000000) a, range(1000) b ORDER BY 1 DESC",
    "SELECT levenshtein(a, a) FROM (SELECT string_agg('x', '') AS a FROM range(1000000))",
    "SELECT sum(length(regexp_replace(a || b.range, '(x+x+)+y', '', 'g'))) FROM (SELECT string_agg('x', '') AS a FROM range(1000000)), range(1000000) b",
    "SELECT histogram(a.range * b.range) FROM range(1000000) a, range(1000) b",
    "SELECT quantile_cont(a.range * b.range, 0.5) FROM range(1000000) a, range(1000) b",
    "SELECT json_group_array(a.range) FROM range(1000000) a, range(1000) b",
]
"""Statements that no list can tell from honest ones; only the end of the process stops them."""
