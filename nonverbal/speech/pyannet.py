"""PyanNet: speaker segmentation of five-second windows, in plain torch.

Architecture of pyannote.audio (Bredin et al. 2020, SincNet filters of Ravanelli and Bengio 2018), written anew to load
the weights that whisperx's package holds: 3 local speakers a window, each its own probability a frame.
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nonverbal.checkpoints import load_inert
from nonverbal.media import SAMPLE_RATE

WINDOW = 5 * SAMPLE_RATE  # samples that the network was trained on
LOCAL_SPEAKERS = 3
FRAME_STEP = 270  # samples from one output frame to the next
FIRST_FRAME = 495  # sample at the centre of the first frame's receptive field


class SincFilters(nn.Module):
    """40 band-pass filters, each as a cosine and a sine, whose band edges are learned; samples -> [80, frames]."""

    window_: Tensor
    n_: Tensor

    def __init__(self, filters: int = 80, length: int = 251, stride: int = 10) -> None:
        super().__init__()
        bands, half = filters // 2, length // 2
        self.stride = stride
        self.low_hz_ = nn.Parameter(torch.zeros(bands, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(bands, 1))
        self.register_buffer("window_", torch.zeros(half))
        self.register_buffer("n_", torch.zeros(1, half))

    def forward(self, samples: Tensor) -> Tensor:
        """[batch, 1, samples] -> [batch, 80, frames]."""
        return F.conv1d(samples, self.kernels(), stride=self.stride)

    def kernels(self) -> Tensor:
        """The filters, [80, 1, 251]: the left halves are computed, the right halves mirror them."""
        low = 50 + self.low_hz_.abs()
        high = (low + 50 + self.band_hz_.abs()).clamp(50, SAMPLE_RATE / 2)
        band, scale = high - low, self.window_ / (self.n_ / 2)
        cosine = (torch.sin(high @ self.n_) - torch.sin(low @ self.n_)) * scale
        sine = (torch.cos(low @ self.n_) - torch.cos(high @ self.n_)) * scale
        even = torch.cat([cosine, 2 * band, cosine.flip(1)], dim=1)
        odd = torch.cat([sine, torch.zeros_like(band), -sine.flip(1)], dim=1)
        return (torch.cat([even, odd]) / (2 * band).repeat(2, 1)).unsqueeze(1)


class SincEncoder(nn.Module):
    """Holds the filters under the name the published weights give them."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = SincFilters()

    def forward(self, samples: Tensor) -> Tensor:
        """Magnitude of the filtered sound, [batch, 80, frames]."""
        return self.filterbank(samples).abs()


class SincNet(nn.Module):
    """Sound [batch, 1, samples] -> features [batch, 60, frames], one frame in 270 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList([SincEncoder(), nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(size, affine=True) for size in (80, 60, 60)])

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        features = self.wav_norm1d(samples)
        for convolve, normalise in zip(self.conv1d, self.norm1d, strict=True):
            features = F.leaky_relu(normalise(F.max_pool1d(convolve(features), 3)))
        return features


class PyanNet(nn.Module):
    """Sound [batch, samples] -> probability that each local speaker speaks, [batch, frames, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(60, 128, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, LOCAL_SPEAKERS)

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        features, _ = self.lstm(self.sincnet(samples.unsqueeze(1)).transpose(1, 2))
        for linear in self.linear:
            features = F.leaky_relu(linear(features))
        return torch.sigmoid(self.classifier(features))


def load_pyannet(path: Path) -> PyanNet:
    """The network with the weights of a pyannote.audio checkpoint, in evaluation mode."""
    network = PyanNet()
    network.load_state_dict(load_inert(path)["state_dict"])
    return network.eval()


def window_starts(samples: int, step: int) -> list[int]:
    """First sample of each window: every `step` samples until the sound is covered; the last may hang over its end."""
    return [step * index for index in range(1 + max(0, math.ceil((samples - WINDOW) / step)))]


@torch.inference_mode()
def local_scores(network: PyanNet, samples: Tensor, step: int, batch: int) -> Tensor:
    """Probability of each local speaker in each window.

    Args:
        network: from `load_pyannet`.
        samples: 16 kHz mono, [samples].
        step: samples between windows.
        batch: windows at a time.

    Returns:
        [windows, 293 frames, 3]; beyond the end of the sound all is silence.
    """
    starts = window_starts(len(samples), step)
    padded = F.pad(samples, (0, starts[-1] + WINDOW - len(samples)))
    windows = padded.unfold(0, WINDOW, step)
    return torch.cat([network(part) for part in windows.split(batch)])
