"""Arrays in files of other projects, .npz or pickled: nothing that such a file names is imported or run.

A pickle is a program: it names functions and says what to call them with. Here each name that published body models
use leads to a stand-in that only keeps what it is given; any other name ends the reading.
"""

import collections
import math
import pickle
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
import scipy.sparse

from nonverbal.errors import UserError

NUMBERS = "?bBhHiIlLqQefd"  # NumPy's codes of the types that are read
LONGEST = 2**32  # bytes of an array; beyond it a file is taken for broken


class Refused(Exception):
    """A file names what no published file of arrays names, or holds what they do not hold."""


_NO_STATE: Any = None  # of an object that a pickle gives none


class _Kept:
    """What a pickle says of an object: the arguments it is made with and the state it is given."""

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401
        self.arguments, self.state = arguments, _NO_STATE

    def __setstate__(self, state: Any) -> None:  # noqa: ANN401
        self.state = state


class _Type(_Kept):
    """numpy.dtype."""

    def dtype(self) -> np.dtype:
        """The type, if it is one of plain numbers."""
        code = self.arguments[0]
        order: Any = self.state[1] if self.state else "="
        if not isinstance(code, str) or order not in ("<", ">", "=", "|"):
            raise Refused("an array of a type that is not known")
        dtype = np.dtype(code)
        if dtype.char not in NUMBERS or (self.state and any(part is not None for part in self.state[2:5])):
            raise Refused(f"an array of type {code}")
        return dtype.newbyteorder(order)


class _Array(_Kept):
    """numpy.ndarray, whose state is (version, shape, type, order of columns, bytes)."""

    def array(self) -> Any:  # noqa: ANN401
        """The array; of an array of objects, which is how NumPy wraps anything in a file, the one object in it."""
        _, shape, kind, columns_first, content = self.state
        if isinstance(content, list):
            if len(content) != 1:
                raise Refused("an array of objects")
            return value(content[0])
        return _numbers(content, kind, shape, "F" if columns_first else "C")


class _Buffer(_Kept):
    """An array as newer NumPy keeps it: bytes, type, shape, order."""

    def array(self) -> np.ndarray:
        """The array."""
        content, kind, shape, order = self.arguments
        return _numbers(content, kind, shape, order)


class _Scalar(_Kept):
    """A NumPy number: type, bytes."""

    def array(self) -> np.ndarray:
        """The number, an array of no axes."""
        kind, content = self.arguments
        return _numbers(content, kind, ())


class _Bytes(_Kept):
    """_codecs.encode, as pickles of old protocols keep bytes."""

    def __new__(cls, text: str, *_: object) -> Any:  # noqa: ANN401
        return text.encode("latin1")


class _Remade(_Kept):
    """copyreg._reconstructor."""

    def __new__(cls, kind: type, *_: object) -> Any:  # noqa: ANN401
        return kind()


class _NewArray(_Kept):
    """numpy.core.multiarray._reconstruct: an array that gets its state later."""

    def __new__(cls, *_: object) -> Any:  # noqa: ANN401
        return _Array()


class _Columns(_Kept):
    """scipy.sparse's matrix by columns."""

    layout = scipy.sparse.csc_matrix

    def array(self) -> np.ndarray:
        """The matrix with its zeros."""
        state = self.state
        parts = tuple(value(state[name]) for name in ("data", "indices", "indptr"))
        shape = tuple(int(side) for side in (state["_shape"] if "_shape" in state else state["shape"]))
        if math.prod(shape) * 8 > LONGEST:
            raise Refused("a matrix that is too large")
        matrix = self.layout(parts, shape=shape)
        matrix.check_format(full_check=True)  # else its indices could lie outside
        return matrix.toarray()


class _Rows(_Columns):
    """scipy.sparse's matrix by rows."""

    layout = scipy.sparse.csr_matrix


class _Chumpy(_Kept):
    """chumpy's array."""

    def array(self) -> np.ndarray:
        """Its numbers."""
        return value(self.state["x"])


class _ChumpySelect(_Kept):
    """chumpy's choice of an array's numbers."""

    def array(self) -> np.ndarray:
        """The numbers chosen."""
        return value(self.state["a"]).ravel()[value(self.state["idxs"])].reshape(self.state["preferred_shape"])


class _ChumpyFormula(_Kept):
    """Another of chumpy's formulas: kept unread, since no array that is needed is one."""


_KNOWN: dict[str, Any] = {
    "builtins.set": set,
    "builtins.object": _Kept,
    "collections.OrderedDict": collections.OrderedDict,
    "copyreg._reconstructor": _Remade,
    "_codecs.encode": _Bytes,
    "numpy.dtype": _Type,
    "numpy.ndarray": _Array,
    "numpy.core.multiarray._reconstruct": _NewArray,
    "numpy.core.multiarray.scalar": _Scalar,
    "numpy.core.numeric._frombuffer": _Buffer,
    "chumpy.ch.Ch": _Chumpy,
    "chumpy.reordering.Select": _ChumpySelect,
} | {
    f"scipy.sparse.{module}.{kind}_{what}": stand_in
    for kind, stand_in in (("csc", _Columns), ("csr", _Rows))
    for module in (kind, f"_{kind}")
    for what in ("matrix", "array")
}


class _Reader(pickle.Unpickler):
    """An unpickler for which nothing exists but the stand-ins."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        """The stand-in for a name.

        Raises:
            Refused: there is none.
        """
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        full = f"{module.replace('numpy._core', 'numpy.core', 1)}.{name}"
        if full in _KNOWN:
            return _KNOWN[full]
        if module.startswith("chumpy."):
            return _ChumpyFormula
        raise Refused(f"it asks for {full}")


def load_arrays(path: Path, names: Iterable[str], optional: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Named arrays of a file; sparse matrices come with their zeros.

    Args:
        path: .npz, or a pickled dictionary.
        names: arrays that must be there.
        optional: arrays that may be.

    Raises:
        UserError: the file is broken, lacks an array, or asks for anything that is not an array.
    """
    try:
        found = (_in_archive if zipfile.is_zipfile(path) else _in_pickle)(path, {*names, *optional})
    except (Refused, KeyError) as error:
        raise _unreadable(path, str(error).strip("'")) from error
    except Exception as error:  # a broken pickle may fail in any way
        raise _unreadable(path, "it is broken, or of another format") from error
    if missing := sorted(set(names) - set(found)):
        raise _unreadable(path, f"it has no {', '.join(missing)}")
    return found


def _unreadable(path: Path, why: str) -> UserError:
    return UserError(f"{path} can't be read: {why}; put the file there as it was published")


def _in_pickle(path: Path, names: set[str]) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        content = _Reader(file, encoding="latin1").load()
    if not isinstance(content, dict):
        raise Refused("it holds no dictionary")
    return {name: value(content[name]) for name in names & content.keys()}


def _in_archive(path: Path, names: set[str]) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        found = {}
        for name in names & {member.removesuffix(".npy") for member in archive.namelist()}:
            with archive.open(f"{name}.npy") as file:
                found[name] = _in_member(file)
        return found


def _in_member(file: IO[bytes]) -> np.ndarray:
    version = np.lib.format.read_magic(file)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, columns_first, dtype = read_header(file)
    if dtype.hasobject:
        return value(_Reader(file, encoding="latin1").load())
    if dtype.char not in NUMBERS:
        raise Refused(f"an array of type {dtype}")
    return _of_bytes(file.read(), dtype, shape, "F" if columns_first else "C")


def value(item: Any) -> np.ndarray:  # noqa: ANN401
    """The numbers that an unpickled object stands for.

    Raises:
        Refused: it stands for none.
    """
    if isinstance(item, _Kept) and hasattr(item, "array"):
        return item.array()
    if isinstance(item, int | float | list | tuple) and (array := np.array(item)).dtype.char in NUMBERS:
        return array
    raise Refused("something that should be an array is none")


def _numbers(content: str | bytes | bytearray, kind: Any, shape: Any, order: str = "C") -> np.ndarray:  # noqa: ANN401
    if not isinstance(kind, _Type):
        raise Refused("an array without a type")
    raw = content.encode("latin1") if isinstance(content, str) else bytes(content)
    return _of_bytes(raw, kind.dtype(), tuple(int(side) for side in shape), order)


def _of_bytes(raw: bytes, dtype: np.dtype, shape: tuple[int, ...], order: Any) -> np.ndarray:  # noqa: ANN401
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(raw):
        raise Refused("an array is not as long as its shape says")
    return np.frombuffer(raw, dtype).reshape(shape, order=order).astype(dtype.newbyteorder("="))
