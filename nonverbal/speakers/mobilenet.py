"""MobileNetV2's features of person crops: the paper's descriptor (arXiv 1801.04381), with torchvision's weights.

The network is written here because torchvision can't be imported beside a CPU build of torch; its parameters have
torchvision's names, so that the published file loads.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from nonverbal.speakers.boxes import person_boxes

# Expansion, channels, blocks, stride of the first block: table 2 of the paper.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
FIRST, FEATURES, CLASSES = 32, 1280, 1000
SIDE = 224  # pixels of a crop
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB, which the weights were trained with


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the picture's size over `stride`, with normalisation and ReLU6."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; added to the input where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.added = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *([convolution(inputs, wide, 1)] if expansion > 1 else []),
            convolution(wide, wide, 3, stride, groups=wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features [n, inputs, h, w] -> [n, outputs, h / stride, w / stride]."""
        return x + self.conv(x) if self.added else self.conv(x)


class MobileNetV2(nn.Module):
    """The network, with the classifier that the published file has too."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [convolution(3, FIRST, 3, stride=2)]
        channels = FIRST
        for expansion, outputs, blocks, stride in STAGES:
            for block in range(blocks):
                layers.append(InvertedResidual(channels, outputs, stride if block == 0 else 1, expansion))
                channels = outputs
        self.features = nn.Sequential(*layers, convolution(channels, FEATURES, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(FEATURES, CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures [n, 3, 224, 224], normalised -> features before the classifier [n, 1280]."""
        return self.features(x).mean(dim=(2, 3))


class PersonFeatures:
    """A `Describer`: features of the person's crop, of length 1.

    Args:
        weights: torchvision's state dict.
    """

    def __init__(self, weights: Path) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = MobileNetV2()
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.eval().to(self.device)

    @torch.inference_mode()
    def describe(self, frame: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """See `Describer.describe`: float32 [n, 1280]."""
        height, width = frame.shape[:2]
        boxes = person_boxes(faces, np.arange(len(faces)), np.zeros(len(faces)), width, height).astype(int)
        crops = np.stack([cv2.resize(_crop(frame, box), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for box in boxes])
        pictures = (crops.astype(np.float32) / 255 - MEAN) / STD
        batch = torch.from_numpy(pictures.astype(np.float32)).permute(0, 3, 1, 2).to(self.device)
        found = nn.functional.normalize(self.network(batch), dim=1)
        return found.cpu().numpy()


def _crop(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    x0, y0, x1, y1 = box
    return frame[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
