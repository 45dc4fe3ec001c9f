"""What pydantic found, in sentences that need no knowledge of pydantic.

pydantic names a place by its own route (`candidates, 0, simple, at_least, 1`); the route through
the file is the part of it whose keys stand in the file. Several members of a union complain about
one value; they are told as one finding.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.yaml_tree import Finding, Keys, YamlTree, short

NEEDED = {
    "string_type": "text",
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "bool": "true or false",
    "tuple_type": "a list",
    "dict_type": "a block of `key: value` pairs",
    "model": "a block of `key: value` pairs",
    "date": "a date such as 2011-12-10",
    "too_short": "a list of at least one",
}
LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def model_findings(failure: ValidationError, tree: YamlTree) -> list[Finding]:
    """One finding for each place that a model refused."""
    places: dict[Keys, list[ErrorDetails]] = {}
    for error in failure.errors(include_url=False):
        places.setdefault(_route(error, tree.value), []).append(error)
    return [_finding(keys, errors, tree) for keys, errors in places.items()]


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant."""
    names = list(known)
    folded = [known for known in names if known.casefold() == name.casefold()]
    close = folded or difflib.get_close_matches(name[:200], names, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str], *, kind: str) -> str:
    """`Did you mean "at_least"?`, or the names there are."""
    names = sorted(known)
    meant = suggestion(name, names)
    if meant:
        return f"Did you mean `{meant}`?"
    if not names:
        return "Take it out."
    listed = ", ".join(short(known) for known in names[:20])
    return f"The {kind} here: {listed}{', …' if len(names) > 20 else ''}."


def free_keys(keys: Keys, value: Any) -> list[str]:
    """The keys that the model at this place knows and that are not given yet."""
    model, given = _model_at(keys, value), _value_at(keys, value)
    return [name for name in _fields(model) if name not in given] if model else []


def is_optional(keys: Keys, value: Any) -> bool:
    """Whether the model would do without the value at this place."""
    if get_origin(_kind_at(keys[:-1], value)) is dict:
        return True
    field = _field(keys, value)
    return field is not None and not field.is_required()


def _route(error: ErrorDetails, value: Any) -> Keys:
    kind: Any = ProductConfig
    keys: list[str | int] = []
    last = len(error["loc"]) - 1
    for index, step in enumerate(error["loc"]):
        if _is_tagged(kind):  # pydantic names the tag here, which may be the name of a key as well
            kind = _chosen(kind, value)
            continue
        here = isinstance(value, dict) and step in value
        if here or (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            kind, value = _child(_chosen(kind, value), step), value[step]
            keys.append(step)
        elif index == last and error["type"] == "missing":
            keys.append(step)
    return tuple(keys)


def _finding(keys: Keys, errors: list[ErrorDetails], tree: YamlTree) -> Finding:
    error = errors[0]
    kind, ctx = error["type"], error.get("ctx", {})
    example = _example(keys, tree.value)
    if kind == "extra_forbidden":
        mend = did_you_mean(str(keys[-1]), free_keys(keys[:-1], tree.value), kind="other keys")
        return Finding(keys, f"There is no key `{short(str(keys[-1]))}` here.", mend, at_key=True)
    if kind == "missing":
        mend = f"Add it, for example `{example}`." if example else f"Add `{keys[-1]}:`."
        return Finding(keys, f"`{keys[-1]}` is missing.", mend)
    if kind == "value_error":
        what, _, mend = str(ctx["error"]).partition(": ")
        return Finding(keys, f"{_found(keys, tree)}: {what}.", _sentence(mend or example or ""))
    mend = f"For example `{example}`." if example else ""
    if kind in LIMITS:
        limit, words = LIMITS[kind]
        what = f"{_found(keys, tree)} is out of range."
        return Finding(keys, what, f"Give {words} {ctx[limit]:g}.")
    if kind == "too_short" and ctx["actual_length"]:
        least, actual = ctx["min_length"], ctx["actual_length"]
        return Finding(keys, f"Here is {actual}; at least {least} are needed.", "Add the others.")
    if kind in ("too_short", "string_too_short"):
        return Finding(keys, "There is nothing here.", mend or "Give at least one value.")
    if kind in ("too_long", "string_too_long"):
        most = ctx["max_length"]
        return Finding(keys, "This is too long.", f"Give at most {most:,}.")
    if kind == "string_pattern_mismatch":
        field = _field(keys, tree.value)
        what = f"{_found(keys, tree)} is not made of {field.description if field else 'text'}."
        return Finding(keys, what, mend)
    return _wrong_kind(keys, errors, tree, mend)


def _wrong_kind(keys: Keys, errors: list[ErrorDetails], tree: YamlTree, mend: str) -> Finding:
    needs = list(dict.fromkeys(_needed(error) for error in errors))
    need = " or ".join(needs) if len(needs) < 4 else "one value (text, number, date, true, false)"
    if tree.written.get(keys) and ("text" in needs or f"`{tree.written[keys]}`" in need):
        mend = f'If it is text, put it in quotes: "{short(tree.written[keys])}".'
    if need == "a number" and isinstance(_value_at(keys, tree.value), str):
        mend = "Write the number without quotes or units."
    return Finding(
        keys,
        f"{_found(keys, tree)} stands where {need} is needed.",
        mend or f"Give {need}.",
    )


def _needed(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "literal_error":
        return str(error["ctx"]["expected"]).replace("'", "`")
    return next(
        (words for start, words in NEEDED.items() if kind.startswith(start)), "another kind"
    )


def _found(keys: Keys, tree: YamlTree) -> str:
    if keys in tree.written:
        return f'"{short(tree.written[keys])}"' if tree.written[keys] else "Nothing"
    value = _value_at(keys, tree.value)
    if isinstance(value, dict):
        return "A block of `key: value` pairs"
    return "A list" if isinstance(value, list) else "Nothing"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else "Correct it."


def _example(keys: Keys, value: Any) -> str | None:
    field = _field(keys, value)
    return f"{keys[-1]}: {field.examples[0]}" if field and field.examples else None


def _field(keys: Keys, value: Any) -> FieldInfo | None:
    model = _model_at(keys[:-1], value) if keys else None
    return _fields(model).get(str(keys[-1]), (None, None))[1] if model else None


def _fields(model: type[BaseModel]) -> dict[str, tuple[str, FieldInfo]]:
    return {field.alias or name: (name, field) for name, field in model.model_fields.items()}


def _value_at(keys: Keys, value: Any) -> Any:
    for key in keys:
        try:
            value = value[key]
        except (LookupError, TypeError):
            return None
    return value


def _model_at(keys: Keys, value: Any) -> type[BaseModel] | None:
    """The model that is in force at a place of the file."""
    kind = _kind_at(keys, value)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _kind_at(keys: Keys, value: Any) -> Any:
    kind: Any = ProductConfig
    for key in keys:
        value = _value_at((key,), value)
        kind = _chosen(_child(kind, key), value)
    return kind


def _child(kind: Any, key: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = _fields(kind).get(str(key))
        return typing.get_type_hints(kind, include_extras=True)[field[0]] if field else None
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def _is_tagged(kind: Any) -> bool:
    if get_origin(kind) in (Union, types.UnionType):
        return any(_is_tagged(member) for member in get_args(kind))
    return get_origin(kind) is Annotated and any(
        isinstance(note, Discriminator) for note in get_args(kind)
    )


def _chosen(kind: Any, value: Any) -> Any:
    """Takes off `Annotated` and `| None`, and picks the tagged member of a union."""
    if get_origin(kind) is Annotated:
        inner, *notes = get_args(kind)
        choose = next((note for note in notes if isinstance(note, Discriminator)), None)
        if choose is None:
            return _chosen(inner, value)
        tag = typing.cast(typing.Callable[[Any], Any], choose.discriminator)(value)
        return next(
            (_chosen(member, value) for member in get_args(inner) if Tag(tag) in get_args(member)),
            None,
        )
    if get_origin(kind) in (Union, types.UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        return _chosen(members[0], value) if len(members) == 1 else None
    return kind
