"""EMOCA v2's encoders (Danecek et al. 2022; DECA: Feng et al. 2021): a face picture to FLAME parameters.

Written from the papers, without a renderer. The weights may not be passed on: whoever registered for them puts the
published checkpoint into the folder of models.
"""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from nonverbal.checkpoints import load_inert
from nonverbal.cues.frames import FACE, pictures
from nonverbal.cues.resnet import FEATURES, ResNet50
from nonverbal.cues.settings import EmocaSettings
from nonverbal.errors import UserError
from nonverbal.layouts import FACE_FEATURES, FLAME_FACE

SIZE = 224  # pixels of a picture's side
LOWER = 0.12  # of the box's size: a detector's box begins below the forehead, a picture shall show the chin
# What the coarse encoder's numbers are, in order.
CODE = {"shape": 100, "texture": 50, "expression": 50, "global": 3, "jaw": 3, "camera": 3, "light": 27}
EXPRESSION = 50
ENCODERS = ("deca.E_flame.", "deca.E_expression.")


class Encoder(nn.Module):
    """A ResNet-50 and two layers on it: [N, 3, 224, 224] in 0..1 -> [N, numbers]."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.encoder = ResNet50()
        self.layers = nn.Sequential(nn.Linear(FEATURES, 1024), nn.ReLU(), nn.Linear(1024, numbers))

    def forward(self, faces: Tensor) -> Tensor:
        """See the class."""
        return self.layers(self.encoder(faces))


class EmocaEncoder(nn.Module):
    """Face pictures -> features of layout `flame`.

    The second encoder's expression takes the place of the first's; shape, head rotation and jaw are the first's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.E_flame = Encoder(sum(CODE.values()))
        self.E_expression = Encoder(EXPRESSION)

    def forward(self, faces: Tensor) -> Tensor:
        """[N, 3, 224, 224] RGB in 0..1 -> [N, 156]."""
        code = dict(zip(CODE, self.E_flame(faces).split(list(CODE.values()), dim=1), strict=True))
        code["expression"] = self.E_expression(faces)
        return torch.cat([code[group] for group in FLAME_FACE.groups], dim=1)


def load_emoca(checkpoint: Path) -> EmocaEncoder:
    """The encoders of a published checkpoint; what else it holds is left alone, and nothing it names is run.

    Raises:
        UserError: it is no checkpoint of EMOCA.
    """
    try:
        state = load_inert(checkpoint)
        state = state.get("state_dict", state)
        weights = {key.removeprefix("deca."): value for key, value in state.items() if key.startswith(ENCODERS)}
        network = EmocaEncoder()
        network.load_state_dict(weights)
    except (RuntimeError, AttributeError, ValueError, OSError, pickle.UnpicklingError) as error:
        raise UserError(
            f"config key cues.face.backend: {checkpoint} does not hold EMOCA v2's encoders "
            f"({str(error).splitlines()[0]}); put the published checkpoint there"
        ) from error
    return network.eval()


def face_picture(picture: np.ndarray, box: np.ndarray, margin: float) -> np.ndarray:
    """The square about a face box (x0, y0, x1, y1), scaled by `margin`, uint8 [224, 224, 3]; black beyond the frame."""
    x0, y0, x1, y1 = (float(edge) for edge in box)
    size = (x1 - x0 + y1 - y0) / 2
    side, centre = size * margin, np.array([(x0 + x1) / 2, (y0 + y1) / 2 + LOWER * size])
    scale = SIZE / side
    matrix = np.column_stack([np.eye(2) * scale, SIZE / 2 - scale * centre])
    return cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)


class Emoca:
    """FLAME parameters of each sighting; the encoders do not tell how sure they are, so confidence is 1 or 0."""

    def __init__(self, settings: EmocaSettings, checkpoint: Path) -> None:
        self.settings = settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = load_emoca(checkpoint).to(self.device)

    def __call__(self, video: Path, seen: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """See `nonverbal.cues.face.FaceBackend`; a face smaller than `least_px` is unknown."""
        features = np.full((len(seen), FACE_FEATURES), np.nan)
        boxes = seen[FACE].to_numpy()
        large = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= self.settings.least_px
        rows: list[int] = []
        faces: list[np.ndarray] = []
        for row, picture in pictures(video, seen["frame"].to_numpy()):
            if large[row]:
                rows.append(row)
                faces.append(face_picture(picture, boxes[row], self.settings.margin))
            if len(faces) == self.settings.batch:
                features[rows] = self.encode(np.stack(faces))
                rows, faces = [], []
        if faces:
            features[rows] = self.encode(np.stack(faces))
        return features, np.isfinite(features).all(axis=1).astype(np.float64)

    @torch.inference_mode()
    def encode(self, faces: np.ndarray) -> np.ndarray:
        """uint8 [N, 224, 224, 3] -> [N, 156]."""
        batch = torch.from_numpy(faces).to(self.device).permute(0, 3, 1, 2).float() / 255
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            return self.network(batch).float().cpu().numpy()
