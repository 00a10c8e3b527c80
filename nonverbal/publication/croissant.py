"""The dataset in the words of Croissant 1.1 and of its responsible-AI extension, checked with mlcroissant."""

import json
from pathlib import Path
from typing import Any

import mlcroissant as mlc
import pyarrow as pa
import pyarrow.parquet as pq

from nonverbal.publication.card import COLUMNS, licence

CROISSANT = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"
PARQUET = "application/x-parquet"
FILES, RECORDS = "parquet-files", "records"
TYPES = {
    pa.string(): mlc.DataType.TEXT,
    pa.int64(): mlc.DataType.INT64,
    pa.float64(): mlc.DataType.FLOAT64,
    pa.float32(): mlc.DataType.FLOAT32,
}


def croissant(facts: Path, files: list[Path], croissant: Path) -> None:
    """Write the metadata, once mlcroissant finds no error in it.

    Args:
        facts: of the run.
        files: published, in the folder data beside the metadata.
        croissant: JSON-LD to write.

    Raises:
        mlcroissant.ValidationError: with its report.
    """
    content = metadata(json.loads(facts.read_text("utf-8")), pq.read_schema(files[0])).to_json()
    mlc.Dataset(jsonld=content)  # raises what it finds
    croissant.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", "utf-8")


def metadata(facts: dict[str, Any], schema: pa.Schema) -> mlc.Metadata:
    """The metadata of a dataset whose files have this schema."""
    address = facts["address"]
    return mlc.Metadata(
        ctx=mlc.Context(conforms_to=CROISSANT),
        name=facts["name"], description=facts["statements"]["summary"], version=facts["version"], url=address,
        conforms_to=[CROISSANT, RAI],
        date_published=facts["date"], in_language=facts["languages"] or None,
        license=[f"https://spdx.org/licenses/{facts['licence']}.html" if facts["licence"] else licence(None)],
        cite_as="Made by nonverbal, after Kim et al., Speaking Beyond Language, ACL 2025 (arXiv 2506.00958).",
        creators=[mlc.Organization(name=facts["maker"])],
        distribution=[*repository(address), files_of(address)],
        record_sets=[mlc.RecordSet(id=RECORDS, name=RECORDS, description="One clip a row.", fields=fields(schema))],
        **responsibility(facts),
    )  # fmt: skip


def repository(address: str | None) -> list[mlc.FileObject]:
    """The hub's repository that holds the files, where one is named."""
    if not address:
        return []
    text = "Changes with every version; the hub keeps the files' hashes."
    return [
        mlc.FileObject(
            id="repository", name="repository", content_url=address, encoding_formats=["git+https"], description=text,
            sha256="https://github.com/mlcommons/croissant/issues/80",
        )
    ]  # fmt: skip


def files_of(address: str | None) -> mlc.FileSet:
    """The Parquet files: in the repository, or beside the metadata."""
    return mlc.FileSet(
        id=FILES, name=FILES, includes=["data/*.parquet"], encoding_formats=[PARQUET],
        contained_in=["repository"] if address else [], description="Named SPLIT-SHARD.parquet.",
    )  # fmt: skip


def fields(schema: pa.Schema) -> list[mlc.Field]:
    """The split, and every column, nested ones with all that is in them."""
    split = mlc.Field(
        id=f"{RECORDS}/split", name="split", data_types=mlc.DataType.TEXT, description="Training, validation or test.",
        source=mlc.Source(
            file_set=FILES,
            extract=mlc.Extract(file_property=mlc.FileProperty.fullpath),
            transforms=[mlc.Transform(regex=r"data/(train|validation|test)-.+\.parquet")],
        ),
    )  # fmt: skip
    return [split, *(field(column.name, column.name, column.type, (), COLUMNS[column.name]) for column in schema)]


def field(column: str, name: str, kind: pa.DataType, path: tuple[str, ...], text: str | None = None) -> mlc.Field:
    """A column, or what lies at a path of names inside one."""
    identifier = "/".join((RECORDS, column, *path))
    shape, item = [], kind
    while pa.types.is_list(item) or pa.types.is_fixed_size_list(item):
        shape.append(item.list_size if pa.types.is_fixed_size_list(item) else -1)
        item = item.value_type
    if pa.types.is_struct(item):
        inside = [field(column, one.name, _within(shape, one.type), (*path, one.name)) for one in item]
        return mlc.Field(id=identifier, name=name, description=text, sub_fields=inside)
    steps = [mlc.Transform(json_path=step) for step in path]
    array = {"is_array": True, "array_shape": ",".join(map(str, shape))} if shape else {}
    return mlc.Field(
        id=identifier, name=name, description=text, data_types=TYPES[item], **array,
        source=mlc.Source(file_set=FILES, extract=mlc.Extract(column=column), transforms=steps),
    )  # fmt: skip


def _within(shape: list[int], kind: pa.DataType) -> pa.DataType:
    """The type of a struct's part, as many lists deep as the struct is."""
    for size in reversed(shape):
        kind = pa.list_(kind, size)
    return kind


def responsibility(facts: dict[str, Any]) -> dict[str, Any]:
    """The fields of the responsible-AI extension, by their names in mlcroissant."""
    said, columns = facts["statements"], facts["columns"]
    dropped = [
        f"{row['dropped']:,} {row['unit']}(s) {row['reason']} ({row['filter']})"
        for row in facts["funnel"]
        if row["dropped"]
    ]
    models = {model["name"] for one in columns.values() for model in one["models"]}
    left_out = [
        f"Column {name} is left out: the licence of a model that made it does not allow publishing it."
        for name, one in columns.items()
        if not one["published"]
    ]
    return {
        "data_collection": said["collection"],
        "data_collection_type": ["Web Scraping", "Secondary Data Analysis"],
        "data_collection_missing_data": said["missing"],
        "data_collection_raw_data": f"Videos, not part of this. Dropped of them: {', '.join(dropped) or 'none'}.",
        "data_preprocessing_protocol": said["preprocessing"],
        "data_annotation_protocol": [said["annotation"]],
        "machine_annotation_tools": sorted(models) or None,
        "data_biases": said["biases"],
        "data_use_cases": [*said["uses"], *(f"Not for: {one}" for one in said["misuses"])],
        "data_limitations": [*said["limits"], *facts["stand_ins"], *facts["faults"], *left_out],
        "data_social_impact": said["impact"],
        "personal_sensitive_information": said["people"],
        "data_release_maintenance_plan": f"{facts['removal']} {said['maintenance']}",
    }
