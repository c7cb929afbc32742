"""The shapes of the public API as msgspec Structs, one module per resource; the source is the wire contract.

Answers inherit `base.Shape`, requests `base.Body`; `convert.out` makes an answer from a domain value by field names.
Nothing here imports the framework or an adapter, and of the core only the names of events.
"""
