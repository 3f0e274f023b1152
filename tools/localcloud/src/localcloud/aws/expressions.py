"""Makes moto's evaluation of DynamoDB expressions cheaper without changing what it evaluates.

An application has few expressions and sends them again and again, but moto reads each one up to four times a request,
walks its tree ten times, asks every node on the way what it is (slowly: they are abstract base classes), and copies
it with `copy.deepcopy`. These stand-ins keep what depends on the expression's text alone, and what depends on the class
of a node. moto is pinned exactly, and a test runs the same operations through moto's own server.
"""

from __future__ import annotations

from collections import defaultdict, deque
from copy import deepcopy
from functools import lru_cache
from typing import Any, Final

import moto.dynamodb.comparisons
import moto.dynamodb.parsing.ast_nodes
import moto.dynamodb.parsing.expressions
import moto.dynamodb.parsing.validators

_EXPRESSIONS = 1024  # how many are kept

# moto declares no types here.
_nodes: Final[Any] = moto.dynamodb.parsing.ast_nodes
_updates: Final[Any] = moto.dynamodb.parsing.expressions.__dict__["UpdateExpressionParser"]
_conditions: Final[Any] = moto.dynamodb.comparisons.ConditionExpressionParser
_validators: Final[Any] = moto.dynamodb.parsing.validators
_read_update: Final[Any] = _updates.make
_read_tokens: Final[Any] = _conditions._lex_condition_expression  # noqa: SLF001 - a stand-in needs what it stands in for


def install() -> None:
    """Put the stand-ins in place, in this process."""
    _updates.make = _update
    _conditions._lex_condition_expression = _lex_condition_expression  # noqa: SLF001
    _validators.deepcopy = _copied
    _nodes.DepthFirstTraverser.traverse_node_recursively = _traverse_node_recursively
    _nodes.Node.find_clauses = _find_clauses
    for validator in (_validators.OverlappingPathsValidator, _validators.ActionCountValidator):
        validator.traverse_node_recursively = _visit_root


@lru_cache(_EXPRESSIONS)
def _update(expression: str) -> Any:
    """The tree of an update expression. Those who get it only look at it: the validator changes a copy."""
    return _read_update(expression)


@lru_cache(_EXPRESSIONS)
def _tokens(expression: str) -> tuple[Any, ...]:
    return tuple(_read_tokens(_conditions(expression, None, None)))


def _lex_condition_expression(parser: Any) -> deque[Any]:
    return deque(_tokens(parser.condition_expression))


def _copied(node: Any) -> Any:
    """`copy.deepcopy` for syntax trees."""
    if isinstance(node, str | int):
        return node
    if not isinstance(node, _nodes.Node):
        return deepcopy(node)  # a value, once a tree has some in it
    copy = object.__new__(type(node))
    copy.__dict__.update(node.__dict__)
    if copy.children is not None:
        copy.children = children = []
        for child in node.children:
            children.append(twin := _copied(child))
            if twin is not child:
                twin.parent = copy
    return copy


_OTHER, _NODE, _CONCERNED = range(3)  # what an object in a tree is to a traverser
_roles: defaultdict[type, dict[type, int]] = defaultdict(dict)


def _traverse_node_recursively(traverser: Any, node: Any, child_id: int = -1) -> Any:
    """Depth first, bottom up; a processed node takes the place of the one it was made from."""
    roles = _roles[type(traverser)]
    kind = type(node)
    role = roles.get(kind)
    if role is None:
        role = _OTHER
        if issubclass(kind, _nodes.Node):
            role = _CONCERNED if issubclass(kind, traverser.nodes_to_be_processed()) else _NODE
        roles[kind] = role
    if role == _OTHER:
        return node
    parent = node.parent
    for index, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, index)
        if roles.get(type(child)) != _OTHER:
            _traverse_node_recursively(traverser, child, index)
    if role == _CONCERNED:
        node = traverser.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _visit_root(traverser: Any, node: Any, child_id: int = -1) -> Any:  # noqa: ARG001 - the name is moto's
    """For a check of whole expressions. moto repeats it for each part, a list being nested expressions; what is wrong
    with a part is wrong with the whole."""
    return traverser.process(node)


_has_clauses: dict[type, bool] = {}


def _find_clauses(node: Any, clause_types: Any) -> list[Any]:
    """The nodes of these types, at any depth, but none inside another."""
    clauses = []
    for child in node.children or ():
        kind = type(child)
        if kind in clause_types:
            clauses.append(child)
            continue
        if kind not in _has_clauses:
            _has_clauses[kind] = issubclass(kind, _nodes.Expression | _nodes.UpdateExpressionFunction)
        if _has_clauses[kind]:
            clauses += _find_clauses(child, clause_types)
    return clauses
