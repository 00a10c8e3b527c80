"""GE2E voice encoder: what a piece of speech sounds like as 256 numbers, in plain torch.

Wan et al. 2018, in the form of Resemblyzer (three LSTM layers over 40 mel bands); its package holds the weights.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

from nonverbal.media import SAMPLE_RATE

HOP = 160  # samples from one mel frame to the next
N_FFT = 400
MELS = 40
VOICE = 256  # numbers
TARGET_DBFS = -30.0  # quieter sound is raised to this, as in training


class VoiceEncoder(nn.Module):
    """Mel frames [batch, frames, 40] -> unit vectors [batch, 256]; equal voices have cosine near 1."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(MELS, VOICE, num_layers=3, batch_first=True)
        self.linear = nn.Linear(VOICE, VOICE)

    def forward(self, mels: Tensor) -> Tensor:
        """See the class."""
        _, (hidden, _) = self.lstm(mels)
        return F.normalize(F.relu(self.linear(hidden[-1])), dim=1)


def load_voice_encoder(path: Path) -> VoiceEncoder:
    """The encoder with Resemblyzer's weights, in evaluation mode."""
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    encoder = VoiceEncoder()
    encoder.load_state_dict({name: state[name] for name in encoder.state_dict()})
    return encoder.eval()


def mel_frames(samples: Tensor) -> Tensor:
    """Mel power spectrum, one frame in 10 ms, [frames, 40]; quiet sound is raised first."""
    level = 20 * torch.log10(samples.square().mean().sqrt().clamp_min(1e-8))
    samples = samples * 10 ** (max(0.0, TARGET_DBFS - float(level)) / 20)
    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(samples, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True).abs().square()
    filters = mel_filter_bank(N_FFT // 2 + 1, MELS, 0, SAMPLE_RATE / 2, SAMPLE_RATE, norm="slaney", mel_scale="slaney")
    return spectrum.T @ torch.from_numpy(filters).to(spectrum)
