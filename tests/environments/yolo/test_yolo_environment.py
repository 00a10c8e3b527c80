"""What the environment yolo must be able to do, whichever build of torch it was given."""

import os

import torch

os.environ["YOLO_OFFLINE"] = "1"


def test_a_network_detects_in_a_batch_without_torchvision(tmp_path, monkeypatch):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))  # it writes its settings there
    from ultralytics import YOLO
    from ultralytics.utils.nms import non_max_suppression

    torch.manual_seed(0)
    network = YOLO("yolo11n.yaml").model.eval()
    with torch.inference_mode():
        found = non_max_suppression(network(torch.rand(2, 3, 96, 160)), conf_thres=1e-6, classes=[0])
    assert len(found) == 2
    assert all(boxes.shape[1] == 6 and (boxes[:, 5] == 0).all() for boxes in found)
