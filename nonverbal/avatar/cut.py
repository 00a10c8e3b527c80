"""Cutting triangle meshes whose vertices are weighted sums of another mesh's."""

import numpy as np
import scipy.sparse


def pick(faces: np.ndarray, vertices: int) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """Some faces of a mesh with only the vertices they use: sums [W, vertices] and faces [F, 3]."""
    used, renumbered = np.unique(faces, return_inverse=True)
    return scipy.sparse.eye_array(vertices, format="csr", dtype=np.float32)[used], renumbered.reshape(-1, 3)


def subdivide(sums: scipy.sparse.csr_array, faces: np.ndarray) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """Every triangle in four, cut at its edges' middles: sums [W + edges, V] and faces [4 F, 3]."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, place = np.unique(edges, axis=0, return_inverse=True)
    middles = (sums[unique[:, 0]] + sums[unique[:, 1]]) * 0.5
    ab, bc, ca = place.reshape(3, -1) + sums.shape[0]
    a, b, c = faces.T
    quarters = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return scipy.sparse.vstack([sums, middles]).tocsr(), np.concatenate([np.stack(q, axis=1) for q in quarters])


def clip(
    sums: scipy.sparse.csr_array, faces: np.ndarray, field: np.ndarray
) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """The part of a mesh where a field is positive, cut smoothly along its zero line.

    Args:
        sums: [W, V].
        faces: [F, 3].
        field: a number a vertex, [W], taken as linear inside each triangle.

    Returns:
        scipy.sparse.csr_array [W', V] and faces [F', 3]; triangles keep their turning direction.
    """
    inside = field > 0
    count = inside[faces].sum(axis=1)
    one, two = (_lone_first(faces[count == n], inside, inside=n == 1) for n in (1, 2))
    edges = np.concatenate([one[:, [0, 1]], one[:, [0, 2]], two[:, [0, 1]], two[:, [0, 2]]])
    unique, place = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    share = field[unique[:, 0]] / (field[unique[:, 0]] - field[unique[:, 1]])
    crossing = scipy.sparse.diags_array(1 - share) @ sums[unique[:, 0]]
    crossing = crossing + scipy.sparse.diags_array(share) @ sums[unique[:, 1]]
    place = place.ravel() + sums.shape[0]
    one_ab, one_ac, two_ab, two_ac = np.split(place, np.cumsum([len(one), len(one), len(two)]))
    pieces = [
        faces[count == 3],
        np.stack([one[:, 0], one_ab, one_ac], axis=1),
        np.stack([two_ab, two[:, 1], two[:, 2]], axis=1),
        np.stack([two_ab, two[:, 2], two_ac], axis=1),
    ]
    return _compact(scipy.sparse.vstack([sums, crossing]).tocsr(), np.concatenate(pieces))


def _lone_first(faces: np.ndarray, marks: np.ndarray, inside: bool) -> np.ndarray:
    """Faces turned so that the one vertex whose mark is `inside` comes first."""
    start = np.argmax(marks[faces] == inside, axis=1)
    return np.take_along_axis(faces, (start[:, None] + np.arange(3)) % 3, axis=1)


def _compact(sums: scipy.sparse.csr_array, faces: np.ndarray) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    used, renumbered = np.unique(faces, return_inverse=True)
    return sums[used], renumbered.reshape(-1, 3)
