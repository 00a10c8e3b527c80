"""The motion tokenizer: a 1-d convolutional VQ-VAE (paper, section 3.2; network of T2M-GPT, CVPR 2023).

Every convolution sees zeros beyond a sequence's own tokens, whatever follows it in a padded batch, so that codes do not
depend on the company a sequence is in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nonverbal.errors import UserError
from nonverbal.layouts import LAYOUTS, Layout
from nonverbal.tokenizers.motion import Scale
from nonverbal.tokenizers.quantizer import Quantizer
from nonverbal.tokenizers.settings import Network, Tokenizer


class MaskedConv(nn.Conv1d):
    """A convolution that sees zeros where the mask is 0."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """X [B, C, T] and its mask [B, 1, T]."""
        return super().forward(x * mask.type_as(x))


class Residual(nn.Module):
    """A residual layer: ReLU, dilated convolution of 3, ReLU, convolution of 1."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.wide = MaskedConv(width, width, 3, padding=dilation, dilation=dilation)
        self.narrow = MaskedConv(width, width, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """X [B, width, T] -> the same shape."""
        return x + self.narrow(F.relu(self.wide(F.relu(x), mask)), mask)


def halvings(network: Network) -> int:
    """How often the encoder halves time: 3 for 8 frames a token."""
    return network.downsampling.bit_length() - 1


def residual_block(network: Network) -> nn.ModuleList:
    """Residual layers of falling dilation: 9, 3, 1 for a depth of 3."""
    return nn.ModuleList(Residual(network.width, 3**i) for i in reversed(range(network.depth)))


class Encoder(nn.Module):
    """Numbers [B, dim, T] to latents [B, C, T / D]."""

    def __init__(self, dim: int, latent: int, network: Network) -> None:
        super().__init__()
        width = network.width
        self.first = MaskedConv(dim, width, 3, padding=1)
        self.downs = nn.ModuleList(MaskedConv(width, width, 4, stride=2, padding=1) for _ in range(halvings(network)))
        self.blocks = nn.ModuleList(residual_block(network) for _ in range(halvings(network)))
        self.last = MaskedConv(width, latent, 3, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode x under its mask [B, 1, T]."""
        x = F.relu(self.first(x, mask))
        for down, block in zip(self.downs, self.blocks, strict=True):
            x, mask = down(x, mask), mask[..., ::2]
            for layer in block:  # type: ignore[attr-defined]
                x = layer(x, mask)
        return self.last(x, mask)

    def convolutions(self) -> Iterator[nn.Conv1d]:
        """All convolutions, in the order in which they are applied."""
        yield self.first
        for down, block in zip(self.downs, self.blocks, strict=True):
            yield down  # type: ignore[misc]
            for layer in block:  # type: ignore[attr-defined]
                yield from (layer.wide, layer.narrow)
        yield self.last


class Decoder(nn.Module):
    """Latents [B, C, T / D] to numbers [B, dim, T]: the encoder's mirror, upsampling by nearest neighbour.

    One more convolution before the last gives the paper's number of parameters, 25.4 million for the face.
    """

    def __init__(self, dim: int, latent: int, network: Network) -> None:
        super().__init__()
        width = network.width
        self.first = MaskedConv(latent, width, 3, padding=1)
        self.blocks = nn.ModuleList(residual_block(network) for _ in range(halvings(network)))
        self.ups = nn.ModuleList(MaskedConv(width, width, 3, padding=1) for _ in range(halvings(network)))
        self.smooth = MaskedConv(width, width, 3, padding=1)
        self.last = MaskedConv(width, dim, 3, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Decode x under the mask of its tokens [B, 1, T / D]."""
        x = F.relu(self.first(x, mask))
        for block, up in zip(self.blocks, self.ups, strict=True):
            for layer in block:  # type: ignore[attr-defined]
                x = layer(x, mask)
            mask = _twice(mask)
            x = up(_twice(x), mask)
        return self.last(F.relu(self.smooth(x, mask)), mask)


def _twice(x: Tensor) -> Tensor:
    return x.unsqueeze(-1).expand(*x.shape, 2).flatten(-2)


@dataclass(frozen=True)
class Output:
    """What a pass gives.

    Attributes:
        made: numbers [B, dim, T].
        tokens: int64 [B, T / D, Q], -1 over padding; D frames a token, Q tokens a place.
        commitment: the weighted commitment loss, a scalar.
    """

    made: Tensor
    tokens: Tensor
    commitment: Tensor


class MotionTokenizer(nn.Module):
    """Encoder, quantizer, decoder.

    Args:
        dim: numbers a frame.
        settings: codebook and network.

    Attributes:
        downsampling: frames a token.
    """

    def __init__(self, dim: int, settings: Tokenizer) -> None:
        super().__init__()
        codebook = settings.codebook
        self.downsampling = settings.network.downsampling
        self.encoder = Encoder(dim, codebook.dim, settings.network)
        self.decoder = Decoder(dim, codebook.dim, settings.network)
        self.quantizer = Quantizer(codebook)

    def forward(self, values: Tensor, mask: Tensor) -> Output:
        """A pass over values [B, dim, T] under their mask [B, 1, T]; in training, the codebook learns from it."""
        few = mask[..., :: self.downsampling]
        codes, tokens, commitment = self.quantizer(self.encoder(values, mask), few)
        return Output(self.decoder(codes, few), tokens, commitment)

    @torch.no_grad()
    def tokenize(self, values: Tensor, mask: Tensor) -> Tensor:
        """Tokens int64 [B, T / D, Q] of values [B, dim, T] under their mask, -1 over padding."""
        return self.quantizer(self.encoder(values, mask), mask[..., :: self.downsampling])[1]

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Numbers [dim, T] of one sequence of tokens [T / D, Q]."""
        codes = self.quantizer.decode(tokens[None])
        return self.decoder(codes, torch.ones_like(codes[:, :1]))[0]


def save_model(path: Path, model: MotionTokenizer, settings: Tokenizer, part: str, scale: Scale) -> None:
    """Write weights and all it takes to rebuild and use them; `torch.load(weights_only=True)` reads it."""
    torch.save(
        {
            "part": part, "layout": scale.layout.name, "settings": settings.model_dump(mode="json"),
            "mean": torch.from_numpy(scale.mean), "std": torch.from_numpy(scale.std), "weights": model.state_dict(),
        },
        path,
    )  # fmt: skip


def load_model(path: Path, layout: Layout | None = None, device: torch.device | str = "cpu") -> MotionTokenizer:
    """A trained tokenizer in evaluation mode.

    Args:
        path: what save_model wrote.
        layout: of the frames it is for; None takes it whatever its layout.
        device: to put it on.

    Raises:
        UserError: it was trained on frames of another layout.
    """
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if layout is not None and saved["layout"] != layout.name:
        raise UserError(
            f"{path} was trained on frames of layout {saved['layout']}, these are of layout {layout.name}; "
            "remove it, or use the cues backend that it was trained with"
        )
    return restored(saved).to(device).eval()


def restored(saved: Mapping[str, Any]) -> MotionTokenizer:
    """The tokenizer of what save_model wrote, once read."""
    model = MotionTokenizer(LAYOUTS[saved["layout"]].dim, Tokenizer.model_validate(saved["settings"]))
    model.load_state_dict(saved["weights"])
    return model


def load_settings(path: Path) -> Tokenizer:
    """The settings that a trained tokenizer was made with."""
    return Tokenizer.model_validate(torch.load(path, map_location="cpu", weights_only=True)["settings"])
