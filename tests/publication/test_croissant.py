"""mlcroissant validates the metadata, reads the records through it, and finds in it who may use them for what."""

import json

import mlcroissant as mlc
import numpy as np
import pytest
from publication_run import publish, record, settings

RAI = (
    "dataCollection", "dataCollectionType", "dataCollectionMissingData", "dataCollectionRawData",
    "dataPreprocessingProtocol", "dataAnnotationProtocol", "machineAnnotationTools", "dataBiases", "dataUseCases",
    "dataLimitations", "dataSocialImpact", "personalSensitiveInformation", "dataReleaseMaintenancePlan",
)  # fmt: skip


@pytest.fixture(scope="module")
def dataset(published) -> mlc.Dataset:
    return mlc.Dataset(jsonld=str(published / "croissant.json"))


def test_it_has_neither_errors_nor_warnings(dataset):
    issues = dataset.metadata.ctx.issues
    assert (set(issues.errors), set(issues.warnings)) == (set(), set())


def test_records_are_read_through_it_nested_ones_too(dataset):
    rows = list(dataset.records("records"))
    assert [(row["records/split"], row["records/video_id"]) for row in rows] == [
        (b"test", b"ccccccccccc"), (b"test", b"ccccccccccc"), (b"train", b"aaaaaaaaaaa"), (b"train", b"aaaaaaaaaaa"),
        (b"train", b"bbbbbbbbbbb"), (b"train", b"bbbbbbbbbbb"),
    ]  # fmt: skip
    told, truth = rows[2]["records/conversation"], record("aaaaaaaaaaa", 0)
    assert told["records/conversation/text"] == [b"hello aaaaaaaaaaa", b""]
    words = rows[2]["records/conversation/words"]
    assert words["records/conversation/words/word"] == [[b"hello", b"aaaaaaaaaaa"], []]
    assert words["records/conversation/words/start_time"] == [[0.2, 0.5], []]
    boxes = rows[2]["records/speaker_bbox"]["records/speaker_bbox/bbox"]
    np.testing.assert_array_equal(boxes, truth["speaker_bbox"]["bbox"])
    assert np.shape(rows[2]["records/body_language"]["records/body_language/features"]) == (3, 179)


def test_one_split_can_be_asked_for(dataset):
    rows = dataset.records("records", filters={"records/split": "test"})
    assert {row["records/video_id"] for row in rows} == {b"ccccccccccc"}


def test_a_column_that_is_left_out_has_no_field_and_is_told(dataset, published):
    assert "facial_expression" not in {field.name for field in dataset.metadata.record_sets[0].fields}
    assert "records/facial_expression" not in (published / "croissant.json").read_text()
    assert any("facial_expression is left out" in limit for limit in dataset.metadata.data_limitations)


def test_every_field_of_the_responsible_ai_extension_that_applies_is_filled(published):
    content = json.loads((published / "croissant.json").read_text())
    assert "http://mlcommons.org/croissant/RAI/1.0" in content["conformsTo"]
    assert [name for name in RAI if not content.get(f"rai:{name}")] == []
    assert "1 video(s) duplicate" in content["rai:dataCollectionRawData"]
    assert sorted(content["rai:machineAnnotationTools"]) == ["emoca", "mediapipe_pose"]


def test_files_of_a_named_repository_are_read_from_a_copy_of_it(results):
    folder = publish(results, settings(repository="someone/talks"))
    dataset = mlc.Dataset(jsonld=str(folder / "croissant.json"), mapping={"repository": str(folder)})
    assert len(list(dataset.records("records"))) == 6
