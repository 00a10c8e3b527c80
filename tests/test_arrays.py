"""Arrays come out of published pickles and archives; whatever else a file asks for ends the reading."""

import io
import os
import pickle
import pickletools
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from published_models import Ch, Product, Select, dump_python2

from nonverbal.arrays import load_arrays
from nonverbal.errors import UserError

NUMBERS = np.arange(24.0).reshape(2, 3, 4)


class Evil:
    """Unpickling it for real writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.uint32, np.int64, bool])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_python_2_pickles_are_read(tmp_path, monkeypatch, kind, order):
    array = np.array(NUMBERS % 7, kind, order=order)
    dump_python2({"a": array, "b": Ch(array), "name": "x"}, tmp_path / "m.pkl", monkeypatch)
    assert b"numpy.core.multiarray" in (tmp_path / "m.pkl").read_bytes()
    for found in load_arrays(tmp_path / "m.pkl", ("a", "b")).values():
        assert found.dtype == kind and np.array_equal(found, array)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol_are_read(tmp_path, protocol):
    sparse = scipy.sparse.random(5, 7, 0.4, "csc", rng=np.random.default_rng(0))
    content = {"a": NUMBERS, "csc": sparse, "csr": sparse.tocsr(), "number": np.float64(2.5), "list": [1, 2]}
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(content, protocol))
    found = load_arrays(tmp_path / "m.pkl", content)
    assert np.array_equal(found["a"], NUMBERS) and found["number"] == 2.5 and found["list"].tolist() == [1, 2]
    assert np.array_equal(found["csc"], sparse.toarray()) and np.array_equal(found["csr"], sparse.toarray())


def test_chumpy_is_evaluated_where_it_is_needed_and_ignored_elsewhere(tmp_path, monkeypatch):
    chosen = Select(Ch(NUMBERS), np.arange(4), (2, 2))
    content = {"a": chosen, "formula": Product(Ch(NUMBERS), Ch(NUMBERS)), "matrix": scipy.sparse.eye(3, format="csc")}
    dump_python2(content, tmp_path / "m.pkl", monkeypatch)
    found = load_arrays(tmp_path / "m.pkl", ("a", "matrix"))
    assert found["a"].tolist() == [[0, 1], [2, 3]] and np.array_equal(found["matrix"], np.eye(3))
    with pytest.raises(UserError, match=r"m\.pkl can't be read: .*should be an array is none"):
        load_arrays(tmp_path / "m.pkl", ("formula",))


def test_archives_are_read_also_where_numpy_pickled_an_object(tmp_path):
    matrix = scipy.sparse.eye(3, format="csc")
    np.savez(tmp_path / "m.npz", a=NUMBERS, f=np.asfortranarray(NUMBERS), matrix=np.array(matrix, dtype=object))
    found = load_arrays(tmp_path / "m.npz", ("a", "f", "matrix"), optional=("other",))
    assert np.array_equal(found["a"], NUMBERS) and np.array_equal(found["f"], NUMBERS)
    assert np.array_equal(found["matrix"], np.eye(3)) and "other" not in found


@pytest.mark.parametrize("place", ["pickle", "value", "inside", "archive"])
def test_nothing_that_a_file_names_is_run(tmp_path, monkeypatch, place):
    path, evil = tmp_path / "m", Evil(tmp_path / "written")
    if place == "archive":
        np.savez(path.with_suffix(".npz"), a=np.array([evil], dtype=object))
        path = path.with_suffix(".npz")
    elif place == "inside":
        dump_python2({"a": Ch(evil)}, path, monkeypatch)
    else:
        path.write_bytes(pickle.dumps(evil if place == "pickle" else {"a": NUMBERS, "b": evil}))
    with pytest.raises(
        UserError, match=r"can't be read: it asks for \w+\.mkdir; put the file there as it was published"
    ):
        load_arrays(path, ("a",))
    assert not (tmp_path / "written").exists()
    raw = zipfile.ZipFile(path).read("a.npy") if place == "archive" else path.read_bytes()
    pickle.loads(raw[raw.index(b"\x80\x04") :] if place == "archive" else raw, encoding="latin1")
    assert (tmp_path / "written").exists(), "the file is not as bad as the test means it to be"


@pytest.mark.parametrize(
    "name",
    ["builtins eval", "builtins getattr", "os system", "numpy load", "numpy.core.multiarray fromfile",
     "chumpy.ch os.system", "nonverbal.arrays load_arrays", "numpy.lib.npyio load", "copyreg add_extension",
     "scipy.sparse load_npz"],
)  # fmt: skip
def test_no_name_leads_to_code(tmp_path, name):
    module, function = name.split()
    call = f"c{module}\n{function}\n(S'touch {tmp_path / 'written'}'\ntR.".encode()
    (tmp_path / "m.pkl").write_bytes(call)
    with pytest.raises(UserError, match=r"m\.pkl can't be read: it "):
        load_arrays(tmp_path / "m.pkl", ("a",))
    assert not (tmp_path / "written").exists()


def test_the_stand_ins_can_not_be_changed_by_a_file(tmp_path):
    """BUILD on a stand-in itself, not on an object of it, would otherwise set what its class is."""
    for kind in ("numpy.dtype", "numpy.core.multiarray._reconstruct", "copyreg._reconstructor", "_codecs.encode"):
        module, name = kind.rsplit(".", 1)
        (tmp_path / "m.pkl").write_bytes(f"c{module}\n{name}\n(N(dS'array'\nI1\nstb.".encode())
        with pytest.raises(UserError):
            load_arrays(tmp_path / "m.pkl", ("a",))
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"a": NUMBERS}))
    assert np.array_equal(load_arrays(tmp_path / "m.pkl", ("a",))["a"], NUMBERS)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("form", ["npz", "pkl"])
def test_what_is_cut_off_is_refused_in_one_sentence(tmp_path, share, form):
    path = tmp_path / f"m.{form}"
    np.savez(path, a=NUMBERS) if form == "npz" else path.write_bytes(pickle.dumps({"a": NUMBERS}))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=rf"m\.{form} can't be read: .*; put the file there as it was published$"):
        load_arrays(path, ("a",))


def test_no_damage_escapes_as_another_error(tmp_path):
    """Bytes changed at random, in a pickle and an archive: arrays or the sentence, nothing else."""
    rng, path = np.random.default_rng(0), tmp_path / "m"
    buffer = io.BytesIO()
    np.savez(buffer, a=NUMBERS)
    for raw in (pickle.dumps({"a": NUMBERS, "b": scipy.sparse.eye(3, format="csc")}, 2), buffer.getvalue()):
        for _ in range(150):
            broken = bytearray(raw)
            for at in rng.integers(0, len(raw), 3):
                broken[at] = rng.integers(256)
            path.write_bytes(broken)
            try:
                assert load_arrays(path, ("a",))["a"].dtype.kind in "fiub"
            except UserError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("content", "why"),
    [([1, 2], "it holds no dictionary"), ({"b": NUMBERS}, "it has no a"), ({"a": "text"}, "should be an array is none"),
     ({"a": np.array(["x", "y"], object)}, "an array of objects"), ({"a": np.array(["x"])}, "an array of type U1")],
)  # fmt: skip
def test_what_is_no_array_is_named(tmp_path, content, why):
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=why):
        load_arrays(tmp_path / "m.pkl", ("a",))


def test_sparse_indices_outside_the_matrix_are_refused(tmp_path):
    matrix = scipy.sparse.eye(3, format="csc")
    matrix.indices[1] = 7
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"a": matrix}))
    with pytest.raises(UserError, match="can't be read"):
        load_arrays(tmp_path / "m.pkl", ("a",))


def test_the_test_pickles_are_of_python_2(tmp_path, monkeypatch):
    dump_python2({"a": NUMBERS}, tmp_path / "m.pkl", monkeypatch)
    opcodes = {code.name for code, _, _ in pickletools.genops(Path(tmp_path / "m.pkl").read_bytes())}
    assert "BINSTRING" in opcodes and not opcodes & {"BINUNICODE", "SHORT_BINBYTES", "BINBYTES"}
