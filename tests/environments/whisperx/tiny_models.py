"""Small models in the formats that are published, made on the spot: the code that reads them is the real one."""

import json
import shutil
from pathlib import Path

import ctranslate2
import lightning
import numpy as np
import torch
import whisperx
import yaml
from pyannote.audio.core.model import Model
from pyannote.audio.models.embedding import XVectorMFCC
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)
from transformers.models.whisper.tokenization_whisper import LANGUAGES

PROMPT = 4  # start, language, task, no timestamps
WIDTH = 64
TEXT_TOKENS, LANGUAGE_TOKENS = 50_257, 99  # of the multilingual vocabulary
SPEECH = Path(whisperx.__file__).parent / "assets" / "pytorch_model.bin"  # a segmentation network, 5 s, 3 speakers


def whisper_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    """Bytes, some words as tokens of their own, and the marks of multilingual Whisper at their usual numbers."""
    known = sorted(pre_tokenizers.ByteLevel.alphabet()) + [f"Ġ{word}" for word in words]
    unused = [f"<unused{i}>" for i in range(TEXT_TOKENS - 1 - len(known))]
    text = [*known, *unused, ""]  # by the empty one CTranslate2 knows that it is multilingual
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(text)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    languages = [f"<|{code}|>" for code in list(LANGUAGES)[:LANGUAGE_TOKENS]]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    marks = ["<|endoftext|>", "<|startoftranscript|>", *languages, *(f"<|{task}|>" for task in tasks)]
    times = [f"<|{step * 0.02:.2f}|>" for step in range(1501)]
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in marks])
    tokenizer.add_tokens([AddedToken(time, normalized=False) for time in times])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>")


def write_whisper(folder: Path, work: Path, text: str, language: str) -> None:
    """A Whisper that hears `language` and writes `text`, whatever is said: each position speaks for one token."""
    torch.manual_seed(0)
    words = text.split()
    tokenizer = whisper_tokenizer(sorted(set(words)))
    config = WhisperConfig(
        vocab_size=len(tokenizer), d_model=WIDTH, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=WIDTH, decoder_ffn_dim=WIDTH, num_mel_bins=80,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    number = tokenizer.convert_tokens_to_ids
    said = [*(number(f"Ġ{word}") for word in words), number("<|endoftext|>")]
    with torch.no_grad():
        tokens = model.model.decoder.embed_tokens.weight
        tokens.copy_(torch.nn.functional.layer_norm(torch.randn_like(tokens), (WIDTH,)))
        positions = model.model.decoder.embed_positions.weight
        positions.copy_(20 * tokens[said[-1]].expand_as(positions))
        positions[0] = 20 * tokens[number(f"<|{language}|>")]
        positions[PROMPT - 1 : PROMPT - 1 + len(said)] = 20 * tokens[said]
    model.generation_config.suppress_tokens = model.generation_config.begin_suppress_tokens = []
    for part in (model, tokenizer, WhisperFeatureExtractor(feature_size=80)):
        part.save_pretrained(work)
    ctranslate2.converters.TransformersConverter(
        str(work), copy_files=["tokenizer.json", "preprocessor_config.json"]
    ).convert(str(folder))
    settings = json.loads((folder / "config.json").read_text())
    settings["lang_ids"] = [number(f"<|{code}|>") for code in list(LANGUAGES)[:LANGUAGE_TOKENS]]
    (folder / "config.json").write_text(json.dumps(settings))


def write_aligner(folder: Path) -> None:
    """A wav2vec2 network of English letters with random weights."""
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    symbols = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
    (folder / "vocab.json").write_text(json.dumps({symbol: number for number, symbol in enumerate(symbols)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(folder)
    config = Wav2Vec2Config(
        vocab_size=len(symbols), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(folder)


def write_checkpoint(path: Path, model: Model) -> None:
    """A network as pyannote.audio publishes it: a checkpoint of lightning."""
    held = {
        "state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams), "epoch": 0, "global_step": 0,
        "pytorch-lightning_version": lightning.__version__,
    }  # fmt: skip
    model.on_save_checkpoint(held)
    path.parent.mkdir(parents=True)
    torch.save(held, path)


def voice_network() -> Model:
    """A speaker embedding network with random weights."""
    from pyannote.audio.core.task import Problem, Resolution, Specifications

    torch.manual_seed(0)
    model = XVectorMFCC(dimension=256)
    model.specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
    return model.eval()


def pipeline_config(networks: dict[str, str], clustering: dict) -> dict:
    """`config.yaml` of a pipeline; windows are far apart, so that it is quick."""
    name, values = clustering.popitem()
    options = {"segmentation_step": 0.5, "embedding_exclude_overlap": True, "clustering": name}
    return {
        "version": "3.1.0",
        "pipeline": {"name": "pyannote.audio.pipelines.SpeakerDiarization", "params": {**networks, **options}},
        "params": {"clustering": values, "segmentation": {"min_duration_off": 0.0, "threshold": 0.5}},
    }


def write_pipeline(models: Path, name: str, embedding: str) -> None:
    """A pipeline that names its networks on the hub, as 3.0 and 3.1 do."""
    write_checkpoint(models / "wespeaker-voxceleb-resnet34-LM" / "pytorch_model.bin", voice_network())
    (models / "segmentation-3.0").mkdir()
    shutil.copy(SPEECH, models / "segmentation-3.0" / "pytorch_model.bin")
    (models / name).mkdir()
    config = pipeline_config(
        {"segmentation": "pyannote/segmentation-3.0", "embedding": embedding},
        {"AgglomerativeClustering": {"method": "centroid", "min_cluster_size": 2, "threshold": 0.7}},
    )
    (models / name / "config.yaml").write_text(yaml.safe_dump(config))


def write_community(folder: Path) -> None:
    """A pipeline that holds its networks, as community-1 does."""
    write_checkpoint(folder / "embedding" / "pytorch_model.bin", voice_network())
    (folder / "segmentation").mkdir()
    shutil.copy(SPEECH, folder / "segmentation" / "pytorch_model.bin")
    (folder / "plda").mkdir()
    generator, size = np.random.default_rng(0), 128
    lda = generator.normal(size=(256, size))
    np.savez(folder / "plda" / "xvec_transform.npz", mean1=np.zeros(256), mean2=np.zeros(size), lda=lda)
    psi = np.linspace(2, 0.1, size)
    np.savez(folder / "plda" / "plda.npz", mu=np.zeros(size), tr=np.eye(size), psi=psi)
    networks = {part: f"$model/{part}" for part in ("segmentation", "embedding", "plda")}
    config = pipeline_config(networks, {"VBxClustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}})
    config["dependencies"] = {"pyannote.audio": "4.0.0"}
    del config["version"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
