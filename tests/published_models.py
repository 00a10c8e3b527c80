"""Model files in the forms of FLAME's and SMPL-X's makers, with made-up small meshes inside."""

import pickle
import struct
import sys
import types
from pathlib import Path

import numpy as np
import scipy.sparse

FLAME_PARENTS = (2**32 - 1, 0, 1, 1, 1)  # as published: the root's is -1 in 32 bits
SMPLX_PARENTS = (
    2**32 - 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15,
    20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38,
    21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53,
)  # fmt: skip


class Ch:
    """Pickles as chumpy's array does."""

    def __init__(self, x):
        self.x = x
        self._dirty_vars, self._itr, self._depends_on_deps, self._make_dense = {"x"}, None, {}, False


class Select:
    """Pickles as chumpy's choice of numbers does."""

    def __init__(self, a, idxs, preferred_shape):
        self.a, self.idxs, self.preferred_shape = a, idxs, preferred_shape


class Product:
    """Pickles as another of chumpy's formulas does."""

    def __init__(self, a, b):
        self.a, self.b = a, b


class _Python2Pickler(pickle._Pickler):
    """Text and bytes are one type, as in Python 2."""

    def _save_string(self, obj):
        raw = obj.encode("latin1") if isinstance(obj, str) else bytes(obj)
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(obj)

    dispatch = pickle._Pickler.dispatch | {str: _save_string, bytes: _save_string}


def dump_python2(content, path: Path, monkeypatch):
    """Write a pickle as Python 2 did, with the modules' names of that time."""
    for module, kinds in {
        "chumpy": (),
        "chumpy.ch": (Ch,),
        "chumpy.reordering": (Select,),
        "chumpy.ch_ops": (Product,),
    }.items():
        made = types.ModuleType(module)
        monkeypatch.setitem(sys.modules, module, made)
        for kind in kinds:
            setattr(made, kind.__name__, kind)
            monkeypatch.setattr(kind, "__module__", module)
    with path.open("wb") as file:
        _Python2Pickler(file, protocol=2).dump(content)
    raw = path.read_bytes().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    path.write_bytes(raw.replace(b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n"))


def smooth_fields(rng, vertices, count, width, size):
    """Random smooth vector fields on vertices, [V, 3, count], of root mean square `size` metres."""
    knots = rng.uniform(vertices.min(axis=0), vertices.max(axis=0), size=(count, 6, 3))
    near = np.exp(-((vertices[None, :, None] - knots[:, None]) ** 2).sum(axis=-1) / (2 * width**2))
    fields = near @ rng.normal(size=(count, 6, 3))
    fields /= np.sqrt((fields**2).sum(axis=-1).mean(axis=1))[:, None, None]
    return np.moveaxis(fields * np.reshape(size, (-1, 1, 1)), 0, -1)


def flame_arrays(seed=0, rows=10, columns=12):
    """Arrays of FLAME's names and shapes: a face's front as a grid on an ellipsoid, its lower part moved by the jaw."""
    rng = np.random.default_rng(seed)
    up, side = np.meshgrid(np.linspace(-1.1, 1.1, rows), np.linspace(-1.2, 1.2, columns), indexing="ij")
    bumps = 1 + 0.25 * np.exp(-(up**2 + side**2) / 0.05)  # a nose
    vertices = np.stack(
        [0.07 * np.cos(up) * np.sin(side), 0.1 * np.sin(up), 0.09 * bumps * np.cos(up) * np.cos(side)], axis=-1
    ).reshape(-1, 3)
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (grid.ravel() for grid in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)]).astype(np.uint32)
    jaw = 1 / (1 + np.exp((vertices[:, 1] + 0.03) / 0.006))
    weights = np.stack([0.1 * (1 - jaw), 0.9 * (1 - jaw), jaw, 0 * jaw, 0 * jaw], axis=1)
    # The root and the jaw's hinge lie behind the face: sums of vertices with weights of both signs reach them.
    joints = np.array([[0, -0.1, -0.05], [0, -0.03, -0.04], [0, -0.01, 0.0], [0.03, 0.03, 0.05], [-0.03, 0.03, 0.05]])
    known = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
    regressor = np.concatenate([joints, np.ones((5, 1))], axis=1) @ np.linalg.pinv(known)
    shapes = smooth_fields(rng, vertices, 300, 0.05, 0.003 / np.sqrt(1 + np.arange(300)))
    expressions = smooth_fields(rng, vertices, 100, 0.02, 0.002 / np.sqrt(1 + np.arange(100)))
    return {
        "v_template": vertices, "shapedirs": np.concatenate([shapes, expressions], axis=2),
        "posedirs": smooth_fields(rng, vertices, 36, 0.03, np.full(36, 0.001)), "J_regressor": regressor,
        "weights": weights, "kintree_table": np.array([FLAME_PARENTS, range(5)], np.uint32), "f": faces,
    }  # fmt: skip


def smplx_arrays(seed=0, vertices=200, directions=400):
    """Arrays of SMPL-X's names and shapes: random points about the joints of a random tree."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(55, 0.1), size=vertices)
    return {
        "v_template": rng.normal(scale=0.3, size=(vertices, 3)),
        "shapedirs": rng.normal(scale=0.01, size=(vertices, 3, directions)),
        "posedirs": rng.normal(scale=0.001, size=(vertices, 3, 486)),
        "J_regressor": rng.dirichlet(np.full(vertices, 0.1), size=55), "weights": weights,
        "kintree_table": np.array([SMPLX_PARENTS, range(55)], np.uint32),
        "f": rng.integers(0, vertices, (50, 3)).astype(np.uint32),
        "hands_meanl": rng.normal(scale=0.2, size=45), "hands_meanr": rng.normal(scale=0.2, size=45),
    }  # fmt: skip


def write_flame(path: Path, monkeypatch, **changes):
    """A pickle like `generic_model.pkl`: chumpy's arrays, a sparse regressor, formulas that nobody needs."""
    arrays = flame_arrays() | changes
    content = {
        key: Ch(value) if key in ("v_template", "shapedirs", "weights") else value for key, value in arrays.items()
    }
    content["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    content |= {"bs_style": "lbs", "bs_type": "lrotmin", "J": Product(Ch(np.ones(3)), Ch(np.ones(3)))}
    dump_python2(content, path, monkeypatch)
    return arrays


def write_embedding(path: Path, count=105, seed=0):
    """Like `mediapipe_landmark_embedding.npz`: places on the grid's triangles, spread over the face."""
    rng = np.random.default_rng(seed)
    faces = len(flame_arrays()["f"])
    np.savez(
        path, lmk_face_idx=rng.permutation(faces)[:count], lmk_b_coords=rng.dirichlet(np.ones(3), size=count),
        landmark_indices=rng.permutation(468)[:count],
    )  # fmt: skip
