from __future__ import annotations

from typing import Any

import pytest

from localcloud.gateway.vtl import RenderError, compile  # noqa: A004

VALUES: dict[str, Any] = {
    "s": "Hello, World",
    "blank": "  \ta\n ",
    "csv": "a,b,,c,,",
    "list": ["a", "b", 3, None],
    "map": {"a": 1, "b": None, "c": [1]},
    "n": 5,
    "f": 2.7,
    "yes": True,
}


def result(call: str) -> str:
    return compile(call).render({name: _copy(value) for name, value in VALUES.items()})


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, list | dict) else value


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("$s.length()", "12"),
        ("$s.substring(7)", "World"),
        ("$s.substring(0, 5)", "Hello"),
        ("$s.substring(12)|", "|"),
        ("$s.indexOf('o')", "4"),
        ("$s.indexOf('o', 5)", "8"),
        ("$s.indexOf('z')", "-1"),
        ("$s.lastIndexOf('o')", "8"),
        ("$s.charAt(1)", "e"),
        ("$s.contains('World')", "true"),
        ("$s.contains(5)", "$s.contains(5)"),
        ("$s.startsWith('Hell')", "true"),
        ("$s.endsWith('x')", "false"),
        ("$s.equals('Hello, World')", "true"),
        ("$s.equals(5)", "false"),
        ("$s.equalsIgnoreCase('hello, world')", "true"),
        ("$s.compareTo('Z') $s.compareTo('Hell')", "-18 8"),
        ("$s.toUpperCase()", "HELLO, WORLD"),
        ("$s.toLowerCase()", "hello, world"),
        ("<$blank.trim()>", "<a>"),
        ("$s.concat('!')", "Hello, World!"),
        ("$s.isEmpty()", "false"),
        ("$s.toString()", "Hello, World"),
        ("$s.replace('l', 'L')", "HeLLo, WorLd"),
        ("$s.replace('.', 'x')", "Hello, World"),
        ("$s.replaceAll('l+', '<$0>')", "He<ll>o, Wor<l>d"),
        ("$s.replaceAll('(\\w+), (\\w+)', '$2 $1')", "World Hello"),
        ("$s.replaceAll('(?<first>\\w+),', '${first};')", "Hello; World"),
        (r"$s.replaceAll('o', '\$')", "Hell$, W$rld"),
        ("$s.replaceAll('[aeiou]', '')", "Hll, Wrld"),
        ("$s.replaceAll('.', 'x')", "xxxxxxxxxxxx"),
        (r"$s.replaceAll('\.', 'x')", "Hello, World"),
        ("$s.replaceFirst('l', 'L')", "HeLlo, World"),
        ("$s.matches('Hello.*')", "true"),
        ("$s.matches('Hello')", "false"),
        ("$csv.split(',')", "[a, b, , c]"),
        ("$csv.split(',').size()", "4"),
        ("$s.split('')", "[H, e, l, l, o, ,,  , W, o, r, l, d]"),
        ("$s.split('nope')", "[Hello, World]"),
        ("#set($pipes = 'a|b')$pipes.split('\\|')", "[a, b]"),
        ("#set($empty = '')$empty.split(',').size()", "1"),
        ("#set($commas = ',,')$commas.split(',').size()", "0"),
        ("$s.valueOf(5)", "5"),
        ("$s.nope()", "$s.nope()"),
    ],
)
def test_texts(call: str, expected: str) -> None:
    assert result(call) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("$list.size()", "4"),
        ("$list.isEmpty()", "false"),
        ("$list.get(1)", "b"),
        ("$list[2]", "3"),
        ("$list.contains('a')", "true"),
        ("$list.contains(3)", "true"),
        ("$list.contains('3')", "false"),
        ("$list.containsAll(['a', 'b'])", "true"),
        ("$list.indexOf('b')", "1"),
        ("$list.indexOf('z')", "-1"),
        ("$list.add('c') $list", "true [a, b, 3, null, c]"),
        ("$list.add(0, 'c')$list", "[c, a, b, 3, null]"),
        ("$list.addAll([1, 2]) $list", "true [a, b, 3, null, 1, 2]"),
        ("$list.remove(0) $list", "a [b, 3, null]"),
        ("$list.remove('b') $list", "true [a, 3, null]"),
        ("$list.remove('z')", "false"),
        ("$list.set(0, 'z') $list", "a [z, b, 3, null]"),
        ("$list.subList(1, 3)", "[b, 3]"),
        ("$list.clear()$list", "[]"),
        ("$list.lastIndexOf('b') $list.lastIndexOf('z')", "1 -1"),
        ("$list.toString()", "[a, b, 3, null]"),
        ("$list.get('a')", "$list.get('a')"),
    ],
)
def test_lists(call: str, expected: str) -> None:
    assert result(call) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("$map.size()", "3"),
        ("$map.get('a')", "1"),
        ("$map.get('z')", "$map.get('z')"),
        ("$!map.get('z')", ""),
        ("$map.getOrDefault('z', 'none')", "none"),
        ("$map.containsKey('b')", "true"),
        ("$map.containsKey('z')", "false"),
        ("$map.containsValue(1)", "true"),
        ("$map.keySet()", "[a, b, c]"),
        ("$map.values()", "[1, null, [1]]"),
        ("$map.entrySet()", "[a=1, b=null, c=[1]]"),
        ("$map.put('a', 2) $map.a", "1 2"),
        ("$map.put('z', 2)", "$map.put('z', 2)"),
        ("$!map.put('z', 2)$map.z", "2"),
        ("$map.putAll({'y': 1})$map.y", "1"),
        ("$map.remove('a') $map", "1 {b=null, c=[1]}"),
        ("$map.isEmpty()", "false"),
        ("$map.clear()$map", "{}"),
        ("$map.toString()", "{a=1, b=null, c=[1]}"),
        ("$map.equals({'a': 1})", "false"),
    ],
)
def test_maps(call: str, expected: str) -> None:
    assert result(call) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("$n.toString()", "5"),
        ("$n.equals(5)", "true"),
        ("$n.parseInt('12')", "12"),
        ("$n.compareTo(4)", "1"),
        ("$f.intValue()", "2"),
        ("$n.doubleValue()", "5.0"),
        ("$yes.toString()", "true"),
        ("$yes.intValue()", "$yes.intValue()"),
    ],
)
def test_numbers_and_booleans(call: str, expected: str) -> None:
    assert result(call) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("$s.substring(5, 4)", "out of bounds"),
        ("$s.substring(13)", "out of bounds"),
        ("$s.substring(-1)", "out of bounds"),
        ("$s.charAt(12)", "out of bounds"),
        ("$list.get(4)", "out of bounds for length 4"),
        ("$list[9]", "out of bounds"),
        ("$list.remove(9)", "out of bounds"),
        ("$list.subList(3, 9)", "out of bounds"),
        ("$list.subList(-2, 3)", "out of bounds"),
        ("$s.matches('(')", "is not a regular expression"),
        ("$s.replaceAll('[lo]', '$9')", "group that is not there"),
        ("$s.replaceAll('l', '$')", "is not a replacement"),
        ("$n.parseInt('x')", "not a whole number"),
        ("$s.concat($list.get(7))", r"^\$list.get\(7\): index 7"),
    ],
)
def test_where_java_raises_rendering_fails_and_names_the_reference(call: str, message: str) -> None:
    with pytest.raises(RenderError, match=message):
        result(call)
