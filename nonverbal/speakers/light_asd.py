"""Light-ASD: does this face say what is heard, frame by frame (Liao et al. 2023, arXiv 2303.04439), in plain torch.

Written anew to load the published weights. Pictures and sound go through encoders of three blocks each, whose
convolutions are split into one across a frame and one along time, with kernels of 3 and 5 side by side; their sum goes
through two recurrent layers, one in each direction. Normalisations are folded into the convolutions, and frames that
only fill up a batch are kept at zero, as is what lies outside a track, so that they change no score.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (1, 32, 64, 128)  # channels before, between and after the blocks
KERNELS = (3, 5)
FACE_MEAN, FACE_STD = 0.4161, 0.1688  # grey levels of faces, in 0..1
EPSILON = 1e-3  # of the published normalisations
REACH = (len(WIDTHS) - 1) * (max(KERNELS) // 2)  # frames before and after that an encoder's output depends on
SPEAKING = 1  # column of the classifier
# Mean scores of faces that are silent and that speak, by weights, measured on the demonstration corpus: the published
# threshold, 0, lies far from the middle of both.
USUAL = {"light_asd_talkset": (0.0, 4.7), "light_asd_ava": (-2.0, 0.8)}


class Block(nn.Module):
    """Two branches of a convolution across each frame and one along time, summed and mixed.

    Args:
        inputs, outputs: channels.
        flat: frames are columns of numbers (sound), not pictures.
        stride: of the convolutions across pictures.
    """

    def __init__(self, inputs: int, outputs: int, flat: bool, stride: int = 1) -> None:
        super().__init__()
        self.across, self.along = nn.ModuleDict(), nn.ModuleDict()
        for k in KERNELS:
            size, padding = ((k, 1), (k // 2, 0)) if flat else ((k, k), (k // 2, k // 2))
            self.across[str(k)] = nn.Conv2d(inputs, outputs, size, stride, padding)
            self.along[str(k)] = nn.Conv2d(outputs, outputs, (k, 1), padding=(k // 2, 0))
        self.mix = nn.Conv2d(outputs, outputs, 1)

    def forward(self, x: Tensor, times: int, real: Tensor | None) -> Tensor:
        """[n * times, inputs, h, w] -> [n * times, outputs, h', w'].

        Args:
            x: frames, each sequence's one after another.
            times: frames of a sequence.
            real: bool [n, 1, times, 1], false where a frame only fills up; None where all are real.
        """
        parts = []
        for k in self.across:
            frames = F.relu_(self.across[k](x)).contiguous(memory_format=torch.channels_last)
            n, channels, height, width = frames.shape
            # The same memory as [sequence, channel, time, place]: time is then a side of a picture.
            lines = frames.permute(0, 2, 3, 1).reshape(-1, times, height * width, channels).permute(0, 3, 1, 2)
            parts.append(F.relu_(self.along[k](lines if real is None else lines.mul_(real))))
        mixed = F.relu_(self.mix(parts[0].add_(parts[1])))
        mixed = mixed if real is None else mixed.mul_(real)
        return mixed.permute(0, 2, 3, 1).reshape(n, height, width, channels).permute(0, 3, 1, 2)


class Encoder(nn.Module):
    """Three blocks with pooling between them: pictures [n, T, 112, 112], or sound [n, 4 T, 13], -> [n, T, 128]."""

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.flat = flat
        strides = (1, 1, 1) if flat else (2, 1, 1)
        pairs = zip(WIDTHS[:-1], WIDTHS[1:], strides, strict=True)
        self.blocks = nn.ModuleList(Block(a, b, flat, stride) for a, b, stride in pairs)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """See the class; `lengths` [n] of the sequences in frames of video, None where all are full."""
        n, times = x.shape[:2]
        steps = times // 4 if self.flat else times
        x = x.reshape(n * times, 1, *x.shape[2:])
        x = x.unsqueeze(3) if self.flat else x
        for i, block in enumerate(self.blocks):
            real = None if lengths is None else _real(lengths * (times // steps), times)
            x = block(x, times, real)
            if i < len(self.blocks) - 1:
                x = self._pool_time(x, times) if self.flat else F.max_pool2d(x, 3, 2, 1)
                times = x.shape[0] // n
        return (x.mean((2, 3)) if self.flat else x.amax((2, 3))).reshape(n, steps, -1)

    @staticmethod
    def _pool_time(x: Tensor, times: int) -> Tensor:
        """Halve the frames of sound: [n * times, C, h, 1] -> [n * times / 2, C, h, 1]."""
        _, channels, height, _ = x.shape
        pooled = F.max_pool2d(x.reshape(-1, times, channels, height).transpose(1, 2), (3, 1), (2, 1), (1, 0))
        return pooled.transpose(1, 2).reshape(-1, channels, height, 1)


class LightAsd(nn.Module):
    """Both encoders, the recurrent layers and the classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures, self.sound = Encoder(flat=False), Encoder(flat=True)
        self.forwards, self.backwards = (nn.GRU(WIDTHS[-1], WIDTHS[-1], batch_first=True) for _ in range(2))
        self.classifier = nn.Linear(WIDTHS[-1], 2)

    def encode(self, faces: Tensor, cepstra: Tensor, lengths: Tensor | None = None) -> Tensor:
        """What is seen and heard in each frame, [n, T, 128]; it depends on `REACH` frames before and after.

        Args:
            faces: grey, 0..255, [n, T, 112, 112].
            cepstra: [n, 4 T, 13].
            lengths: frames of each sequence that are real, [n]; None: all.
        """
        seen = self.pictures((faces.float() / 255 - FACE_MEAN) / FACE_STD, lengths)
        return seen + self.sound(cepstra, lengths)

    def classify(self, encoded: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Encoded frames [n, T, 128] -> [n, T]: log-odds, of the classifier's second class, that the face speaks."""
        back = _reversed(encoded.shape[1], lengths, encoded.device)
        ahead = F.gelu(self.forwards(encoded)[0])
        both = F.gelu(self.backwards(_reorder(ahead, back))[0])
        return self.classifier(_reorder(both, back))[..., SPEAKING]

    def forward(self, faces: Tensor, cepstra: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `encode` and `classify`."""
        return self.classify(self.encode(faces, cepstra, lengths), lengths)


def _real(lengths: Tensor, times: int) -> Tensor:
    """Which frames are real, bool [n, 1, times, 1]."""
    return (torch.arange(times, device=lengths.device) < lengths[:, None])[:, None, :, None]


def _reversed(times: int, lengths: Tensor | None, device: torch.device) -> Tensor:
    """Order that turns each sequence round and leaves what fills it up at its end, [n or 1, times]."""
    time = torch.arange(times, device=device)[None]
    last = torch.tensor([[times]], device=device) if lengths is None else lengths[:, None]
    return torch.where(time < last, last - 1 - time, time)


def _reorder(x: Tensor, order: Tensor) -> Tensor:
    return x.gather(1, order[..., None].expand(x.shape))


def load_light_asd(path: Path) -> LightAsd:
    """The network with published weights, in evaluation mode.

    Args:
        path: a state dictionary of the authors' repository.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = LightAsd()
    network.load_state_dict(_folded(state), assign=True)
    return network.eval().requires_grad_(False)


def _folded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Published weights under our names, each normalisation in the convolution before it."""
    made = {f"classifier.{key}": state[f"lossAV.FC.{key}"] for key in ("weight", "bias")}
    for ours, theirs in (("forwards", "model.GRU.gru_forward"), ("backwards", "model.GRU.gru_backward")):
        keys = [f"{kind}_{side}_l0" for kind in ("weight", "bias") for side in ("ih", "hh")]
        made |= {f"{ours}.{key}": state[f"{theirs}.{key}"] for key in keys}
    for ours, theirs, across in (("pictures", "visualEncoder", "s"), ("sound", "audioEncoder", "m")):
        for i in range(len(WIDTHS) - 1):
            block, prefix = f"{ours}.blocks.{i}", f"model.{theirs}.block{i + 1}"
            for k in KERNELS:
                made |= _fold(f"{block}.across.{k}", state, prefix, f"{across}_{k}")
                made |= _fold(f"{block}.along.{k}", state, prefix, f"t_{k}")
            made |= _fold(f"{block}.mix", state, prefix, "last")
    return made


def _fold(ours: str, state: dict[str, Tensor], prefix: str, theirs: str) -> dict[str, Tensor]:
    """Weight and bias of a convolution that also does what the normalisation after it did."""
    norm = {key: state[f"{prefix}.bn_{theirs}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
    scale = norm["weight"] / torch.sqrt(norm["running_var"] + EPSILON)
    weight = state[f"{prefix}.{theirs}.weight"]
    outputs, inputs, *sizes = weight.shape
    # Over pictures there was a size of 1 in time, and along time sizes of 1 in pictures; ours have two sizes.
    size = (sizes[-2], sizes[-1]) if theirs[0] in "sm" else (max(sizes), 1)
    scaled = (weight * scale.reshape(-1, *[1] * (weight.ndim - 1))).reshape(outputs, inputs, *size)
    scaled = scaled.contiguous(memory_format=torch.channels_last)
    return {f"{ours}.weight": scaled, f"{ours}.bias": norm["bias"] - norm["running_mean"] * scale}
