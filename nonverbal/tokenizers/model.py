"""The motion tokenizer: a 1-d convolutional VQ-VAE (paper, section 3.2; network of T2M-GPT, CVPR 2023).

Every convolution sees zeros beyond a sequence's own tokens, whatever follows it in a padded batch, so that codes do not
depend on the company a sequence is in.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from vector_quantize_pytorch import VectorQuantize

from nonverbal.tokenizers.motion import LAYOUTS, Scale
from nonverbal.tokenizers.settings import Network, Tokenizer

HALVINGS = 3  # 2 ** 3 = 8 frames a token


class MaskedConv(nn.Conv1d):
    """A convolution that sees zeros where the mask is 0."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """X [B, C, T] and its mask [B, 1, T]."""
        return super().forward(x * mask)


class Residual(nn.Module):
    """A residual layer: ReLU, dilated convolution of 3, ReLU, convolution of 1."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.wide = MaskedConv(width, width, 3, padding=dilation, dilation=dilation)
        self.narrow = MaskedConv(width, width, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """X [B, width, T] -> the same shape."""
        return x + self.narrow(F.relu(self.wide(F.relu(x), mask)), mask)


def residual_block(network: Network) -> nn.ModuleList:
    """Residual layers of falling dilation: 9, 3, 1 for a depth of 3."""
    return nn.ModuleList(Residual(network.width, 3**i) for i in reversed(range(network.depth)))


class Encoder(nn.Module):
    """Numbers [B, dim, T] to latents [B, C, T / 8]."""

    def __init__(self, dim: int, latent: int, network: Network) -> None:
        super().__init__()
        width = network.width
        self.first = MaskedConv(dim, width, 3, padding=1)
        self.downs = nn.ModuleList(MaskedConv(width, width, 4, stride=2, padding=1) for _ in range(HALVINGS))
        self.blocks = nn.ModuleList(residual_block(network) for _ in range(HALVINGS))
        self.last = MaskedConv(width, latent, 3, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode x under its mask [B, 1, T]."""
        x = F.relu(self.first(x, mask))
        for down, block in zip(self.downs, self.blocks, strict=True):
            x, mask = down(x, mask), mask[..., ::2]
            for layer in block:  # type: ignore[attr-defined]
                x = layer(x, mask)
        return self.last(x, mask)


class Decoder(nn.Module):
    """Latents [B, C, T / 8] to numbers [B, dim, T]: the encoder's mirror, upsampling by nearest neighbour.

    One more convolution before the last gives the paper's number of parameters, 25.4 million for the face.
    """

    def __init__(self, dim: int, latent: int, network: Network) -> None:
        super().__init__()
        width = network.width
        self.first = MaskedConv(latent, width, 3, padding=1)
        self.blocks = nn.ModuleList(residual_block(network) for _ in range(HALVINGS))
        self.ups = nn.ModuleList(MaskedConv(width, width, 3, padding=1) for _ in range(HALVINGS))
        self.smooth = MaskedConv(width, width, 3, padding=1)
        self.last = MaskedConv(width, dim, 3, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Decode x under the mask of its tokens [B, 1, T / 8]."""
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
    """What a pass gives: made [B, dim, T], tokens int64 [B, T / 8] (-1 over padding), the weighted commitment loss."""

    made: Tensor
    tokens: Tensor
    commitment: Tensor


class MotionTokenizer(nn.Module):
    """Encoder, codebook on the unit sphere, decoder.

    Args:
        dim: numbers a frame.
        settings: codebook and network.
    """

    def __init__(self, dim: int, settings: Tokenizer) -> None:
        super().__init__()
        codebook = settings.codebook
        self.encoder = Encoder(dim, codebook.dim, settings.network)
        self.decoder = Decoder(dim, codebook.dim, settings.network)
        self.quantizer = VectorQuantize(
            dim=codebook.dim,
            codebook_size=codebook.size,
            decay=codebook.decay,
            commitment_weight=codebook.commitment,
            threshold_ema_dead_code=codebook.dead_below,
            use_cosine_sim=True,  # L2-normalised, as in the paper
            kmeans_init=True,
            rotation_trick=False,  # the paper's straight-through gradient
        )

    def forward(self, values: Tensor, mask: Tensor) -> Output:
        """A pass over values [B, dim, T] under their mask [B, 1, T]; in training, the codebook learns from it."""
        few = mask[..., ::8]
        # Under a mask VectorQuantize compares codes with its raw input: normalised here, it is on the sphere.
        latents = F.normalize(self.encoder(values, mask), dim=1).transpose(1, 2)
        codes, tokens, commitment = self.quantizer(latents, mask=few[:, 0] > 0)
        return Output(self.decoder(codes.transpose(1, 2), few), tokens, commitment)

    @torch.no_grad()
    def tokenize(self, values: Tensor) -> Tensor:
        """Tokens int64 [T / 8] of one sequence [dim, T], T a multiple of 8."""
        mask = torch.ones_like(values[None, :1])
        latents = F.normalize(self.encoder(values[None], mask), dim=1).transpose(1, 2)
        return self.quantizer(latents)[1][0]

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Numbers [dim, T] of one sequence of tokens [T / 8]."""
        codes = self.quantizer.codebook[tokens].T[None]
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


def load_model(path: Path, device: torch.device | str = "cpu") -> tuple[MotionTokenizer, Scale]:
    """A trained tokenizer in evaluation mode, and the scale of the numbers it takes and makes."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    scale = Scale(LAYOUTS[saved["layout"]], saved["mean"].numpy(), saved["std"].numpy())
    model = MotionTokenizer(scale.layout.dim, Tokenizer.model_validate(saved["settings"]))
    model.load_state_dict(saved["weights"])
    return model.to(device).eval(), scale
