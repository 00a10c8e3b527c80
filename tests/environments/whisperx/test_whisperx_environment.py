"""What the environment whisperx must be able to do, whichever build of torch it was given."""

import importlib.metadata
import os

import pytest
import torch

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"


def test_a_cpu_build_of_torch_brings_no_cuda_packages():
    if torch.version.cuda:
        pytest.skip("torch is a CUDA build")
    names = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    assert not [name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_torchaudio_works_without_its_native_part():
    import torchaudio
    from torchaudio.compliance import kaldi

    sound = torch.sin(torch.arange(16000) * 0.1)[None]
    assert torchaudio.functional.resample(sound, 16000, 8000).shape == (1, 8000)
    assert kaldi.fbank(sound).shape == (98, 23)


@pytest.mark.filterwarnings("ignore")  # torchcodec may lack the system's FFmpeg: sound is handed over in memory
def test_pyannote_segments_sound_that_is_in_memory():
    from pyannote.audio import Inference
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(0)
    model = PyanNet(lstm={"hidden_size": 8, "num_layers": 1}, linear={"hidden_size": 8, "num_layers": 1})
    model.specifications = Specifications(
        problem=Problem.MULTI_LABEL_CLASSIFICATION, resolution=Resolution.FRAME, duration=2.0, classes=["a", "b"]
    )
    model.build()
    model.eval()
    scores = Inference(model, step=1.0)({"waveform": torch.randn(1, 4 * 16000), "sample_rate": 16000})
    assert scores.data.shape[-1] == 2
    assert ((scores.data >= 0) & (scores.data <= 1)).all()


def test_whisperx_modules_import():
    import ctranslate2
    import whisperx.alignment
    import whisperx.asr
    import whisperx.diarize

    assert callable(whisperx.asr.load_model)
    assert "int8" in ctranslate2.get_supported_compute_types("cpu")
