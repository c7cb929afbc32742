"""An import-linter contract that names what is allowed and forbids the rest."""

from __future__ import annotations

import sys
from collections.abc import Set as AbstractSet
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules
from importlinter.domain.imports import ImportExpression, ModuleExpression

_Modules = AbstractSet[ModuleExpression] | None  # what a SetField holds once the contract is built


class AllowListContract(Contract):
    """Every import from `importers` of `imported` must match one of `allowed`.

    The rules that ship with import-linter list what is forbidden, which for third parties is everything that was ever
    published. Modules that do not exist yet match nothing and break nothing. The standard library is always allowed.

    Configuration options:
        - importers: module expressions; the modules below them are meant as well. Empty means every module.
        - imported:  module expressions; the modules below them are meant as well. Empty means everything but the
                     standard library.
        - allowed:   import expressions (`importer -> imported`).
    """

    type_name = "allow_list"

    importers = fields.SetField(subfield=fields.ModuleExpressionField(), required=False)
    imported = fields.SetField(subfield=fields.ModuleExpressionField(), required=False)
    allowed = fields.SetField(subfield=fields.ImportExpressionField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare the imports that are there with those that may be."""
        allowed = {
            (found["importer"], found["imported"])
            for expression in cast("AbstractSet[ImportExpression]", self.allowed)
            for found in graph.find_matching_direct_imports(str(expression))
        }
        broken = sorted(self._imports(graph) - allowed)
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line per import that no entry of `allowed` covers."""
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} is not allowed to import {imported}")

    def _imports(self, graph: ImportGraph) -> set[tuple[str, str]]:
        importers = _below(graph, cast("_Modules", self.importers))
        imported = _below(graph, cast("_Modules", self.imported))
        return {
            (importer, target)
            for importer in importers
            for target in graph.find_modules_directly_imported_by(importer)
            if target in imported and target.partition(".")[0] not in sys.stdlib_module_names
        }


def _below(graph: ImportGraph, expressions: _Modules) -> set[str]:
    """Find the modules that match and all their descendants, as far as they exist; every module if none is asked for."""
    if not expressions:
        return graph.modules
    named = {module.name for module in module_expressions_to_modules(graph, expressions)} & graph.modules
    inside = {name for name in named if not graph.is_module_squashed(name)}
    return named.union(*(graph.find_descendants(name) for name in inside))
