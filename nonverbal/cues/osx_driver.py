"""Run by the Python of OSX's own environment (3.7 or newer) in its checkout: answers pictures with its output.

Arguments: number of an open socket, OSX's weights. A batch arrives as two arrays in NumPy's file format, pictures uint8
RGB [N, S, S, 3] and boxes float64 [N, 4] (x, y, width, height); the answer is 8 bytes of length and an .npz of N rows.
Nothing of this project is imported here, and nothing of OSX is copied: it is used as its own demo/demo.py uses it.
"""

import io
import os
import socket
import struct
import sys
import tempfile
from typing import Any, Dict, Tuple  # noqa: UP035 - Python 3.7

import numpy as np

OUTPUT = (
    "smplx_root_pose", "smplx_body_pose", "smplx_lhand_pose", "smplx_rhand_pose", "smplx_jaw_pose", "smplx_shape",
    "smplx_expr",
)  # fmt: skip
BODY_JOINTS = 25  # the first of OSX's joints, of the body


def load(weights: str, scratch: str) -> Tuple[Any, Any]:  # noqa: UP006
    """OSX's configuration and its Demoer with the weights; what it logs goes to a folder of no use later."""
    root = os.path.dirname(os.getcwd())  # noqa: PTH109, PTH120 - as OSX's own paths
    sys.path[:1] = [os.path.join(root, "main"), os.path.join(root, "data")]  # noqa: PTH118 - instead of this folder
    from config import cfg

    cfg.set_args(os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0] or "0")
    cfg.set_additional_args(
        encoder_setting="osx_l", decoder_setting="normal", pretrained_model_path=weights, exp_name=scratch
    )
    from common.base import Demoer

    demoer = Demoer()
    demoer._make_model()
    demoer.model.eval()
    return cfg, demoer


def answer(cfg: Any, demoer: Any, pictures: np.ndarray, boxes: np.ndarray) -> Dict[str, np.ndarray]:  # noqa: ANN401, UP006
    """OSX's output for each picture, and where it places the body's joints in it, pixels [N, 25, 2]."""
    import torch
    from common.utils.preprocessing import generate_patch_image, process_bbox

    patches, backs = [], []
    for picture, box in zip(pictures, boxes):  # noqa: B905 - Python 3.7
        wide = process_bbox(box, picture.shape[1], picture.shape[0])
        patch, _, back = generate_patch_image(picture.astype(np.float32), wide, 1.0, 0.0, False, cfg.input_img_shape)
        patches.append(patch)
        backs.append(back)
    images = torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2).contiguous() / 255
    with torch.no_grad():
        out = demoer.model({"img": images.to(next(demoer.model.parameters()).device)}, {}, {}, "test")
    found = {name: out[name].detach().float().cpu().numpy() for name in OUTPUT}
    share = out["smplx_joint_proj"].detach().float().cpu().numpy()[:, :BODY_JOINTS] / cfg.output_hm_shape[:0:-1]
    pixels = np.concatenate([share * cfg.input_img_shape[::-1], np.ones_like(share[..., :1])], axis=-1)
    found["joints"] = np.einsum("nij,npj->npi", np.stack(backs), pixels).astype(np.float32)
    return found


def main() -> None:
    """Answer until the other end hangs up."""
    stream = socket.socket(fileno=int(sys.argv[1])).makefile("rwb")
    with tempfile.TemporaryDirectory() as scratch:
        cfg, demoer = load(sys.argv[2], scratch)
        while stream.peek(1):
            pictures, boxes = (np.lib.format.read_array(stream, allow_pickle=False) for _ in range(2))
            file = io.BytesIO()
            found: Dict[str, Any] = answer(cfg, demoer, pictures, boxes)  # noqa: UP006
            np.savez(file, **found)
            stream.write(struct.pack("<q", file.tell()) + file.getvalue())
            stream.flush()


if __name__ == "__main__":
    main()
