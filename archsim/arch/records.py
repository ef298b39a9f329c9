"""The keys of an arch file as frozen pydantic records (docs/reference/formats.md), and its JSON
Schema."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, StringConstraints, Tag

from archsim.arch.component import Component
from archsim.arch.machine_files import shipped_classes
from archsim.formats.record import Record
from archsim.formats.widths import DEFAULT_BITS, Width
from archsim.formats.workload_records import FileName

NAME = r"^[A-Za-z_]\w*$"
Name = Annotated[str, StringConstraints(max_length=60, pattern=NAME)]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=500)]
FilePaths = Annotated[tuple[FilePath, ...], Field(strict=False, min_length=1, max_length=16)]
OneOrMore = Annotated[
    Annotated[FilePath, Tag("one")] | Annotated[FilePaths, Tag("several")],
    Discriminator(lambda value: "several" if isinstance(value, (list, tuple)) else "one"),
]
"""A file, or a list of them."""
Role = Literal["moving", "stationary", "result", "update"]


class FlowRecord(Record):
    """What passes which components, in which order."""

    role: Role
    path: Annotated[tuple[Name, ...], Field(strict=False, min_length=2, max_length=64)]


BatchOrder: TypeAlias = Literal["weights", "samples"]
"""What stays while a batch runs: weights under all samples, or one sample until it is done."""


class ArchFile(Record):
    """The arch file; its flows and components are checked one by one."""

    name: FileName
    description: str | None = None
    task: Literal["inference", "training"] = "inference"
    clock_mhz: Annotated[float, Field(ge=0.001, le=100_000)]
    weights: Literal["dense", "pruned", "smartdeal"]
    activation_bits: Width = DEFAULT_BITS
    weight_bits: Width = DEFAULT_BITS
    machine: Name
    energy: OneOrMore
    interlayer: Literal["spill", "keep_if_fits"] = "spill"
    barrier: Literal["input", "layer"] = "input"
    batch_order: BatchOrder = "weights"
    flows: Annotated[dict[Name, Any], Field(min_length=1, max_length=64)]
    components: Annotated[dict[Name, Any], Field(min_length=1, max_length=256)]


def arch_schema() -> dict[str, Any]:
    """The JSON Schema of arch files: a component is one of the shipped classes, told by `class`."""
    schema = ArchFile.model_json_schema()
    definitions: dict[str, Any] = {"Flow": FlowRecord.model_json_schema()}
    for name, cls in shipped_classes().items():
        own = _component_schema(name, cls)
        definitions |= own.pop("$defs", {})
        definitions[name] = own
    reference = "#/$defs/"
    flow, component = schema["properties"]["flows"], schema["properties"]["components"]
    for section in (flow, component):
        section.pop("patternProperties", None)
        section["propertyNames"] = {"pattern": NAME}
    flow["additionalProperties"] = {"$ref": f"{reference}Flow"}
    component["additionalProperties"] = {
        "discriminator": {
            "propertyName": "class",
            "mapping": {name: reference + name for name in shipped_classes()},
        },
        "oneOf": [{"$ref": reference + name} for name in shipped_classes()],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "archsim arch",
        "$defs": definitions,
    }


def _component_schema(name: str, cls: type[Component]) -> dict[str, Any]:
    schema = cls.model_json_schema()
    properties = {"class": {"const": name}, **schema.get("properties", {})}
    needed = [key for key in schema.get("required", ()) if key not in cls.instead]
    either = [
        {"anyOf": [{"required": [key]}, {"required": [other]}]}
        for key, other in cls.instead.items()
    ]
    return {
        **schema,
        "properties": properties,
        "required": ["class", *needed],
        **({"allOf": either} if either else {}),
    }
