"""OSX (Lin et al. 2023) as a body backend: its makers' own code and weights, run by the Python of its own environment.

Nothing of OSX is in this repository. `osx_driver` is started inside its checkout, loads the weights once, and answers
batches over a socket, so that no picture is ever a file.
"""

import io
import os
import socket
import struct
import subprocess
import tempfile
import weakref
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

import cv2
import numpy as np
import pandas as pd

from nonverbal.cues import osx_driver
from nonverbal.cues.frames import PERSON, crop, pictures
from nonverbal.cues.settings import OsxSettings
from nonverbal.errors import UserError
from nonverbal.layouts import BODY_FEATURES, SMPLX_BODY, SMPLX_JOINTS

SIDE = 512  # pixels of the square that a crop is fitted in: the height of OSX's own input
# OSX's output in the order of the body features, and how many numbers each has.
OUTPUT = dict(zip(osx_driver.OUTPUT, (3, 63, 45, 45, 3, 10, 10), strict=True))
JOINTS = (osx_driver.BODY_JOINTS, 2)
SHOULDERS, ELBOWS, WRISTS = (8, 9), (10, 11), (12, 13)  # left and right, among OSX's joints
NEEDED = ("main/config.py", "common/base.py", "common/utils/preprocessing.py")
SMPLX_FILES = "common/utils/human_model_files/smplx"
LINES = 3  # of what OSX wrote last, told when it fails
KEY = "config key cues.body.osx"


def checkout_of(settings: OsxSettings) -> tuple[Path, Path]:
    """OSX's folder and Python.

    Raises:
        UserError: one of them is not what the config says; says what to write.
    """
    if not settings.checkout or not settings.python:
        raise UserError(
            f"{KEY}.checkout and .python are needed by backend osx: write the folder of a checkout of "
            "https://github.com/IDEA-Research/OSX and the Python of the environment that you made for it"
        )
    folder, python = Path(settings.checkout).absolute(), Path(settings.python).absolute()
    for file in NEEDED:
        if not (folder / file).is_file():
            raise UserError(f"{KEY}.checkout: {folder} has no {file}; write the folder of a checkout of OSX")
    if not any((folder / SMPLX_FILES).glob("SMPLX_NEUTRAL.*")):
        raise UserError(
            f"{KEY}.checkout: {folder / SMPLX_FILES} has no SMPLX_NEUTRAL file; accept SMPL-X's licence at "
            "https://smpl-x.is.tue.mpg.de and put its files there as OSX's README says"
        )
    if not os.access(python, os.X_OK) or python.is_dir():
        raise UserError(f"{KEY}.python: {python} is no program; write the Python of OSX's environment")
    return folder, python


class Answer(NamedTuple):
    """OSX's features [N, 179] and where it places the body's joints, pixels of the picture [N, 25, 2]."""

    features: np.ndarray
    joints: np.ndarray


def read_answer(file: IO[bytes], crops: int) -> Answer:
    """What OSX said of so many crops, from an .npz of its output.

    Raises:
        ValueError: it is no such file, or lacks something; says what.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in (*OUTPUT, "joints")}
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"its output can't be read ({error})") from error
    _check(arrays, crops)
    return Answer(np.concatenate([arrays[name] for name in OUTPUT], axis=1), arrays["joints"])


def _check(arrays: Mapping[str, np.ndarray], crops: int) -> None:
    shapes = {**{name: (crops, numbers) for name, numbers in OUTPUT.items()}, "joints": (crops, *JOINTS)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}")
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} holds something else than finite numbers")


class Process:
    """OSX, loaded and waiting; it ends when this object does.

    Raises:
        UserError: it stopped, took longer than `timeout_s`, or answered something else; with what it wrote last.
    """

    def __init__(self, settings: OsxSettings, weights: Path) -> None:
        folder, python = checkout_of(settings)
        self.settings = settings
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process lives
        ours, theirs = socket.socketpair()
        ours.settimeout(settings.timeout_s)
        command = [str(python), osx_driver.__file__, str(theirs.fileno()), str(weights.absolute())]
        # This environment's packages must not be seen by the other Python.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        try:
            self.process = subprocess.Popen(
                command, cwd=folder / "main", env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                stdout=self.log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except OSError as error:
            raise UserError(f"{KEY}.python: {python} can't be started ({error})") from error
        finally:
            theirs.close()
        self.stream = ours.makefile("rwb")
        self.stop = weakref.finalize(self, _stop, self.process, ours)

    def __call__(self, squares: np.ndarray, boxes: np.ndarray) -> Answer:
        """What OSX says of pictures uint8 [N, S, S, 3] with a person in each box (x, y, width, height), [N, 4]."""
        try:
            np.lib.format.write_array(self.stream, squares, allow_pickle=False)
            np.lib.format.write_array(self.stream, boxes.astype(np.float64), allow_pickle=False)
            self.stream.flush()
            (length,) = struct.unpack("<q", self._read(8))
            return read_answer(io.BytesIO(self._read(length)), len(squares))
        except TimeoutError:
            raise self._failed(f"gave no answer in {self.settings.timeout_s} s") from None
        except OSError:  # the other end hung up
            raise self._failed(f"stopped with status {self._status()}") from None
        except ValueError as error:
            raise self._failed(f"answered, but {error}") from None

    def _read(self, length: int) -> bytes:
        data = self.stream.read(length)
        if len(data) < length:
            raise ConnectionResetError
        return data

    def _status(self) -> int | None:
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return None

    def _failed(self, how: str) -> UserError:
        self.stop()
        self.log.seek(0)
        lines = [line.strip() for line in self.log.read().decode(errors="replace").splitlines() if line.strip()]
        said = " | ".join(lines[-LINES:]) or "nothing"
        return UserError(f"{KEY}: OSX {how}; try its own demo in {self.settings.checkout} first; it last wrote: {said}")


def _stop(process: subprocess.Popen, ours: socket.socket) -> None:
    ours.close()
    process.kill()
    process.wait()


class Osx:
    """SMPL-X parameters of each sighting; what lies outside the crop is a guess of OSX's and unknown here."""

    def __init__(self, settings: OsxSettings, weights: Path) -> None:
        self.settings, self.weights = settings, weights
        self.process: Process | None = None

    def __call__(self, video: Path, seen: pd.DataFrame, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `nonverbal.cues.body.BodyBackend`; the head is OSX's own, and `head` is not read."""
        features, sure = np.full((len(seen), BODY_FEATURES), np.nan), np.zeros(len(seen))
        for rows, squares, boxes in self._batches(video, seen):
            self.process = self.process or Process(self.settings, self.weights)
            found = self.process(squares, boxes)
            inside = joints_inside(found.joints, boxes)
            features[rows] = visible(found.features, inside)
            sure[rows] = inside[:, [*SHOULDERS, *ELBOWS, *WRISTS]].mean(axis=1)
        return features, sure

    def _batches(self, video: Path, seen: pd.DataFrame) -> Iterator[tuple[list[int], np.ndarray, np.ndarray]]:
        """Rows of `seen`, and their crops in squares with the boxes that these fill."""
        rows: list[int] = []
        squares, boxes = np.zeros((self.settings.batch, SIDE, SIDE, 3), np.uint8), np.zeros((self.settings.batch, 4))
        people = seen[PERSON].to_numpy()
        for row, picture in pictures(video, seen["frame"].to_numpy()):
            view = crop(picture, people[row])
            if view is None or min(view.picture.shape[:2]) < self.settings.least_px:
                continue
            squares[len(rows)], boxes[len(rows)] = square(view.picture)
            rows.append(row)
            if len(rows) == self.settings.batch:
                yield rows, squares, boxes
                rows = []
        if rows:
            yield rows, squares[: len(rows)], boxes[: len(rows)]


def square(picture: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """A picture, its longest side scaled to SIDE, black on the right or below; and the box (x, y, w, h) it fills."""
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = max(round(width * scale), 2), max(round(height * scale), 2)  # OSX refuses a box of one pixel
    out = np.zeros((SIDE, SIDE, 3), np.uint8)
    out[: size[1], : size[0]] = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return out, (0, 0, *size)


def joints_inside(joints: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Whether joints [N, 25, 2] lie in boxes (x, y, width, height) [N, 4]; bool [N, 25]."""
    share = (joints - boxes[:, None, :2]) / boxes[:, None, 2:]
    return ((share >= 0) & (share <= 1)).all(axis=-1)


def visible(features: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Features [N, 179] without what the picture does not show, NaN.

    An upper arm is known where its elbow is inside, forearm and hand where the wrist is too; trunk, head, face, legs
    and the root stay as predicted.

    Args:
        features: of OSX, [N, 179].
        inside: which of OSX's joints lie in the crop, bool [N, 25].
    """
    out = features.astype(np.float64)
    for side, name in enumerate(("left", "right")):
        elbow, wrist = inside[:, ELBOWS[side]], inside[:, ELBOWS[side]] & inside[:, WRISTS[side]]
        for joint, seen in ((f"{name}_shoulder", elbow), (f"{name}_elbow", wrist), (f"{name}_wrist", wrist)):
            first = 3 * (SMPLX_JOINTS.index(joint) + 1)
            out[~seen, first : first + 3] = np.nan
        out[~wrist, slice(*SMPLX_BODY.groups[f"{name}_hand"])] = np.nan
    return out
