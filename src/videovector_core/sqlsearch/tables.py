"""Tables made from a run's JSON Schemas (semantics 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from videovector_core.fields import FieldPath, json_type, leaves, subschema
from videovector_core.sqlsearch import naming
from videovector_core.sqlsearch.model import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    JSON,
    TIMESTAMPTZ,
    VARCHAR,
    Column,
    Kind,
    RunTable,
    SqlType,
    StructField,
    Table,
)

_SCALARS: Final = {"integer": BIGINT, "number": DOUBLE, "boolean": BOOLEAN, "string": VARCHAR}

SYSTEM: Final = (
    Column("result_id", VARCHAR, description="The result: segment:{segment_id}:{run_id}."),
    Column("segment_id", VARCHAR, description="The segment."),
    Column("video_id", VARCHAR, description="The media item."),
    Column("video_name", VARCHAR, description="The title of the media item."),
    Column("media_type", VARCHAR, description="video, audio or image."),
    Column("index_id", VARCHAR, description="The index of the media item."),
    Column("run_id", VARCHAR, description="The run that extracted the row."),
    Column("start_time", DOUBLE, description="Seconds from the start of the media item."),
    Column("end_time", DOUBLE, description="Seconds from the start of the media item."),
    Column("transcription", VARCHAR, description="What is said in the segment."),
    Column("metadata_text", VARCHAR, description="The extracted fields as searchable text."),
    Column("executed_at", TIMESTAMPTZ, description="When the row was extracted (UTC)."),
)
_NOT_OF_VIDEOS: Final = {"segment_id", "start_time", "end_time", "transcription"}
VIDEO_SYSTEM: Final = tuple(column for column in SYSTEM if column.name not in _NOT_OF_VIDEOS)
ITEM_INDEX: Final = "item_index"
_NOT_OF_ITEMS: Final = {"transcription", "metadata_text", "executed_at", "media_type"}


def tables_of(run: RunTable, short: str) -> tuple[Table, ...]:
    """Return the tables of a run: its segment results, its media-level results, and the views of their items."""
    made = list(_with_items(naming.run_table(short), Kind.SEGMENTS, run, run.schema, SYSTEM))
    if run.video_schema is not None:
        made += _with_items(naming.video_table(short), Kind.VIDEOS, run, run.video_schema, VIDEO_SYSTEM)
    return tuple(made)


def union() -> Table:
    """Return the view of all segment results in scope."""
    return Table(naming.UNION, Kind.UNION, SYSTEM)


def type_of(node: Mapping[str, Any]) -> SqlType:
    """Return the type of values that fit a schema node; an object without properties is JSON."""
    kind = json_type(node)
    if kind == "array":
        return SqlType.list_of(type_of(node["items"]))
    if kind == "object":
        properties = node.get("properties", {})
        names = naming.unlike(properties)
        fields = [
            StructField(name, type_of(child), key) for name, (key, child) in zip(names, properties.items(), strict=True)
        ]
        return SqlType.struct(fields) if fields else JSON
    return _SCALARS.get(kind, JSON)


def arrays_of(schema: Mapping[str, Any], at: FieldPath | None = None) -> Iterator[FieldPath]:
    """List the arrays of objects that a schema holds, outer ones first."""
    at = at or FieldPath()
    for name, child in schema.get("properties", {}).items():
        inner, path = child, at / name
        if json_type(child) == "array":
            inner, path = child["items"], path.each()
            if inner.get("properties"):
                yield path
        if json_type(inner) == "object":
            yield from arrays_of(inner, path)


def _with_items(
    name: str, kind: Kind, run: RunTable, schema: Mapping[str, Any], system: Sequence[Column]
) -> Iterator[Table]:
    arrays = list(arrays_of(schema))
    yield Table(name, kind, (*system, *_field_columns(schema, arrays, system)), run)
    views = naming.unlike((naming.items_view(name, array) for array in arrays), [name])
    for view, array in zip(views, arrays, strict=True):
        yield Table(view, Kind.ITEMS, _item_columns(schema, array, system), run, base=name, array=array)


def _field_columns(
    schema: Mapping[str, Any], arrays: Sequence[FieldPath], system: Sequence[Column]
) -> Iterator[Column]:
    """Yield a column per leaf, and one per outermost array of objects, which holds its items whole."""
    found = [
        Column(str(leaf.path), _of_leaf(leaf.path, leaf.type), leaf.path, leaf.description, leaf.enum)
        for leaf in leaves(schema)
    ]
    found += [
        Column(str(path), SqlType.list_of(JSON) if path.array else JSON, path, "Any object, as JSON.")
        for path in _open_objects(schema, FieldPath())
    ]
    for array in arrays:
        if not FieldPath(array.steps[:-1]).array:
            item = subschema(schema, array) or {}
            found.append(Column(str(array), SqlType.list_of(type_of(item)), array, "The items, whole."))
    names = naming.unlike((column.name for column in found), (column.name for column in system))
    for name, column in zip(names, found, strict=True):
        yield Column(name, column.type, column.path, column.description, column.enum)


def _open_objects(node: Mapping[str, Any], at: FieldPath) -> Iterator[FieldPath]:
    """List the objects that declare no properties; they may hold anything, so they stay JSON."""
    kind = json_type(node)
    if kind == "array":
        yield from _open_objects(node["items"], at.each())
    elif kind == "object" and not node.get("properties") and at.steps:
        yield at
    elif kind == "object":
        for name, child in node.get("properties", {}).items():
            yield from _open_objects(child, at / name)


def _of_leaf(path: FieldPath, kind: str) -> SqlType:
    scalar = _SCALARS.get(kind, JSON)
    return SqlType.list_of(scalar) if path.array else scalar


def outer_indexes(array: FieldPath) -> tuple[str, ...]:
    """Name the columns that tell the item of each enclosing array: `scenes_index` for `scenes[].people[]`."""
    return tuple(f"{step.name}_index" for step in array.steps[:-1] if step.many)


def item_fields(schema: Mapping[str, Any], array: FieldPath) -> tuple[tuple[FieldPath, SqlType], ...]:
    """List the fields of one item, with paths that start at the item; arrays inside stay lists."""
    return tuple(_item_fields(subschema(schema, array) or {}, FieldPath()))


def _item_fields(node: Mapping[str, Any], at: FieldPath) -> Iterator[tuple[FieldPath, SqlType]]:
    for name, child in node.get("properties", {}).items():
        kind, path = json_type(child), at / name
        if kind == "object" and child.get("properties"):
            yield from _item_fields(child, path)
        else:
            yield path.each() if kind == "array" else path, type_of(child)


def _item_columns(schema: Mapping[str, Any], array: FieldPath, system: Sequence[Column]) -> tuple[Column, ...]:
    first = [column for column in system if column.name not in _NOT_OF_ITEMS]
    first += [Column(name, BIGINT, None, "Which item of the outer array, from 0.") for name in outer_indexes(array)]
    first.append(Column(ITEM_INDEX, BIGINT, None, "Which item of the array, from 0."))
    fields = item_fields(schema, array)
    names = naming.unlike((str(path) for path, _ in fields), (column.name for column in first))
    for name, (path, kind) in zip(names, fields, strict=True):
        whole = FieldPath((*array.steps, *path.steps))
        node = subschema(schema, whole) or {}
        first.append(Column(name, kind, whole, str(node.get("description", "")), _enum(node)))
    return tuple(first)


def _enum(node: Mapping[str, Any]) -> tuple[Any, ...] | None:
    return tuple(node["enum"]) if "enum" in node else None
