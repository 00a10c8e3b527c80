"""Persons by Ultralytics' YOLO, the paper's detector. Package and weights are under AGPL-3.0: docs/speakers.md."""

import os
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import torch

PERSON = 0  # COCO's class
SIDE = 640  # pixels of the longer side that the network sees, as it was trained
OVERLAP = 0.7  # intersection over union above which two boxes are one person: Ultralytics' default
PATIENCE_S = 3600  # its suppression gives up after a time, by default so short that a busy machine would see less


class YoloPersons:
    """Finds persons in frames; a GPU is used where there is one.

    Ultralytics' own predictor imports torchvision, which a CPU build of torch does not allow; so its letter box,
    network and suppression are called here one after another.

    Args:
        weights: the registry's file, verified: it is a pickle, which runs code as it is read.
        lowest_score: detections below are left out.
    """

    def __init__(self, weights: Path, lowest_score: float) -> None:
        os.environ.setdefault("YOLO_OFFLINE", "true")  # else it asks the network for news, and reports
        os.environ.setdefault("YOLO_CONFIG_DIR", gettempdir())  # where it writes settings of its own
        from ultralytics import YOLO

        self.lowest_score = lowest_score
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = YOLO(str(weights), task="detect").model.float().eval().to(self.device)

    def find(self, frames: list[np.ndarray]) -> list[np.ndarray]:
        """See `PersonFinder.find`: boxes float [n, 4], the surest first; the frames are one batch."""
        return [found[:, :4] for found in self.scored(frames)]

    @torch.inference_mode()
    def scored(self, frames: list[np.ndarray]) -> list[np.ndarray]:
        """Boxes and scores float [n, 5] of the persons in each uint8 RGB frame, all of one size."""
        from ultralytics.data.augment import LetterBox
        from ultralytics.utils.nms import non_max_suppression
        from ultralytics.utils.ops import scale_boxes

        letter_box = LetterBox((SIDE, SIDE), auto=True, stride=int(self.network.stride.max()))
        pictures = np.stack([letter_box(image=frame) for frame in frames])
        batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(self.device).float() / 255
        answers = non_max_suppression(
            self.network(batch), self.lowest_score, OVERLAP, classes=[PERSON], max_time_img=PATIENCE_S
        )
        for found in answers:
            scale_boxes(batch.shape[2:], found[:, :4], frames[0].shape[:2])
        return [found[:, :5].cpu().numpy().astype(float) for found in answers]
