"""Light-ASD: the published answers, and scores that depend neither on company nor on how they are computed."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.fft import dct

from nonverbal.errors import UserError
from nonverbal.media import SAMPLE_RATE, VideoWriter, write_audio
from nonverbal.models import fetched, registry
from nonverbal.speakers.active_speaker import load_faces
from nonverbal.speakers.face_crops import CROP, SIDE, crop_squares, cut_faces, cut_square, pieces
from nonverbal.speakers.light_asd import REACH, LightAsd, load_light_asd
from nonverbal.speakers.light_asd_scores import light_asd_scores
from nonverbal.speakers.mfcc import BANDS, CEPSTRA, HOP, N_FFT, WINDOW, mfcc

FILES = {"light_asd_talkset": "finetuning_TalkSet", "light_asd_ava": "pretrain_AVA_CVPR"}
SECONDS, SPANS = 3, {0: (0, 60), 1: (7, 40), 2: (50, 62)}  # frames in which each track is seen


@pytest.fixture
def published(shared_models):
    """Folder of the published weights and of what they answer."""
    return shared_models / "light_asd"


@pytest.fixture(scope="module")
def network() -> LightAsd:
    torch.manual_seed(0)
    made = LightAsd().eval().requires_grad_(False)
    for module in made.modules():  # activations that neither die nor explode, so that an error shows
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
            torch.nn.init.uniform_(module.bias, 0.1, 0.5)
    return made


def tracks() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = [
        (track, frame, x - 14 + rng.normal(), 20.0, x + 14.0, 50.0)
        for track, (first, end) in SPANS.items()
        for frame in range(first, end)
        for x in [30.0 + 40 * track]
    ]
    return pd.DataFrame(rows, columns=["track_id", "frame", "face_x0", "face_y0", "face_x1", "face_y1"])


def film() -> list[np.ndarray]:
    return list(np.random.default_rng(4).integers(0, 255, (SECONDS * 25, 80, 140, 3), dtype=np.uint8))


def sound() -> np.ndarray:
    return 0.05 * np.random.default_rng(5).normal(size=SECONDS * SAMPLE_RATE).astype(np.float32)


@torch.inference_mode()
def one_at_a_time(network: LightAsd, seen: pd.DataFrame, durations: tuple[int, ...]) -> np.ndarray:
    """The scores as published: each track, each duration and each stretch for itself."""
    faces: dict[int, list[np.ndarray]] = {}
    for track, face in cut_faces(film(), crop_squares(seen)):
        faces.setdefault(track, []).append(face)
    cepstra, scores = torch.from_numpy(mfcc(sound(), SECONDS * 25)), []
    for track in sorted(faces):
        pictures = torch.from_numpy(np.stack(faces[track]))[None]
        heard = cepstra[None, 4 * SPANS[track][0] :][:, : 4 * pictures.shape[1]]
        every = [
            torch.cat([
                network(pictures[:, i : i + 25 * d], heard[:, 4 * i : 4 * (i + 25 * d)])[0]
                for i in range(0, pictures.shape[1], 25 * d)
            ])
            for d in durations
        ]  # fmt: skip
        scores.append(torch.stack(every).mean(0))
    return torch.cat(scores).numpy()


@pytest.mark.parametrize("name", FILES)
def test_published_weights_give_the_published_scores(published, name):
    network, answers = load_light_asd(published / f"{FILES[name]}.model"), np.load(published / "parity.npz")
    with torch.inference_mode():
        scores = network(torch.from_numpy(answers["faces"]), torch.from_numpy(answers["audio_mfcc"]))
    assert np.abs(scores.numpy() - answers[FILES[name]]).max() < 1e-4
    assert sum(weights.numel() for weights in network.parameters()) == pytest.approx(1.02e6, rel=0.01)


@pytest.mark.parametrize("name", FILES)
def test_the_registry_names_the_published_files_by_a_commit(published, name, tmp_path):
    model = registry()[name]
    assert model.name == f"{FILES[name]}.model" and len(model.url.split("/")[5]) == 40
    (tmp_path / name).mkdir()
    (tmp_path / name / model.name).write_bytes((published / model.name).read_bytes())
    assert fetched([tmp_path / name]) == {name: tmp_path / name / model.name}
    (tmp_path / name / model.name).write_bytes(b"something else")
    with pytest.raises(UserError, match="has sha256"):
        fetched([tmp_path / name])


@torch.inference_mode()
def test_what_fills_up_a_batch_changes_no_score(network):
    rng = np.random.default_rng(1)
    faces = torch.from_numpy(rng.integers(0, 255, (2, 20, SIDE, SIDE), dtype=np.uint8))
    cepstra = torch.from_numpy(rng.normal(0, 10, (2, 80, CEPSTRA)).astype(np.float32))
    together = network(faces, cepstra, torch.tensor([13, 20]))
    alone = network(faces[:1, :13], cepstra[:1, :52])
    assert (together[0, :13] - alone[0]).abs().max() < 1e-4
    assert (together[1] - network(faces[1:], cepstra[1:])[0]).abs().max() < 1e-4
    assert (network(faces, cepstra)[0, :13] - alone[0]).abs().max() > 1e-3  # what follows a track would change it


@torch.inference_mode()
def test_encodings_reach_so_far_and_no_farther(network):
    rng = np.random.default_rng(2)
    faces = torch.from_numpy(rng.integers(0, 255, (1, 24, SIDE, SIDE), dtype=np.uint8))
    cepstra = torch.from_numpy(rng.normal(0, 10, (1, 96, CEPSTRA)).astype(np.float32))
    changed, other = faces.clone(), cepstra.clone()
    changed[:, 12], other[:, 48:52] = 0, 0
    moved = (network.encode(faces, cepstra) - network.encode(changed, other)).abs().amax(2)[0]
    assert moved[12] > 1e-3 and moved[: 12 - REACH].max() < 1e-5 and moved[13 + REACH :].max() < 1e-5


@pytest.mark.parametrize("durations, batch", [((1,), 1000), ((2,), 1), ((1, 2, 3), 60)])
def test_all_tracks_and_durations_together_score_as_one_at_a_time(network, durations, batch):
    seen = tracks()
    scores = light_asd_scores(network, iter(film()), sound(), seen, durations, batch)
    assert scores.shape == (len(seen),)
    assert np.abs(scores - one_at_a_time(network, seen, durations)).max() < 1e-4


def test_no_faces_no_scores_and_no_decoding(network):
    assert light_asd_scores(network, iter([]), sound(), tracks().head(0), (1,), 10).shape == (0,)


def test_the_backend_reads_a_clip_and_its_verified_weights(published, tmp_path, speaking):
    name = "light_asd_ava"
    settings = speaking.model_copy(
        update={"backend": "light_asd", "light_asd": speaking.light_asd.model_copy(update={"weights": name})}
    )
    assert settings.models == [name] and speaking.models == []
    (tmp_path / "models" / name).mkdir(parents=True)
    weights = published / f"{FILES[name]}.model"
    (tmp_path / "models" / name / weights.name).symlink_to(weights)
    with VideoWriter(tmp_path / "c.mp4", 140, 80) as writer:
        for frame in film()[:10]:
            writer.write(frame)
    write_audio(tmp_path / "c.wav", sound()[: 10 * 640])
    seen = tracks()[lambda rows: rows["frame"] < 10]
    faces = load_faces(settings, tmp_path, [tmp_path / "models" / name])
    scores = faces.scores({"video": "c.mp4", "audio": "c.wav"}, seen)
    assert scores.shape == (len(seen),) and np.isfinite(scores).all() and faces.levels.vary


def test_pieces_follow_one_another_and_a_seam_spans_each_cut():
    faces = [
        (track, np.full((1, 1), frame)) for frame in range(60) for track, (a, b) in SPANS.items() if a <= frame < b
    ]
    lengths = {track: sum(one == track for one, _ in faces) for track in SPANS}
    made = list(pieces(faces, lengths, 25, 6))
    for track, length in lengths.items():
        cut = [piece for piece in made if piece.track == track and piece.seam is None]
        assert np.concatenate([piece.faces[:, 0, 0] for piece in cut]).tolist() == [
            SPANS[track][0] + i for i in range(length)
        ]
        assert [piece.first for piece in cut] == list(range(0, length, 25))
        seams = {piece.seam: (piece.first, len(piece.faces)) for piece in made if piece.track == track and piece.seam}
        assert seams == {at: (at - 12, 12 + min(12, length - at)) for at in range(25, length, 25)}


def test_a_square_is_cut_where_it_lies_and_grey_surrounds_the_picture():
    frame = np.zeros((200, 300, 3), np.uint8)
    frame[60:90, 100:150] = 255
    cut = cut_square(frame, 125.0, 75.0, 100.0).astype(int)
    bright = np.argwhere(cut > 127)
    low, high = bright.min(axis=0), bright.max(axis=0) + 1
    assert np.abs(low - [35 * 1.12, 25 * 1.12]).max() <= 1 and np.abs(high - [65 * 1.12, 75 * 1.12]).max() <= 1
    assert (cut_square(frame, -100.0, -100.0, 50.0) == 110).all()


def test_the_square_is_the_mouth_half_of_a_face_and_ignores_a_jump():
    boxes = tracks()[lambda rows: rows["track_id"] == 0].reset_index(drop=True)
    boxes[["face_x0", "face_x1"]] = [15.0, 45.0]
    boxes.loc[30, ["face_x0", "face_x1"]] += 20
    squares = crop_squares(boxes)
    assert (squares["x"] == 30).all() and np.allclose(squares["side"], 30 * CROP)
    top, bottom = (squares["y"] + sign * squares["side"] / 2 for sign in (-1, 1))
    assert (top > 20).all() and (bottom > 50).all()


def test_cepstra_are_those_of_the_definition():
    samples, frames = sound()[: 3 * 640 + 100], 4
    made = mfcc(samples, frames)
    assert made.shape == (16, CEPSTRA)
    whole = np.zeros(frames * 640 + WINDOW)
    whole[: len(samples)] = samples * 32768.0
    whole[1 : len(samples)] -= 0.97 * samples[:-1].astype(float) * 32768
    mel = 2595 * math.log10(1 + 8000 / 700) / (BANDS + 1)
    corner = [math.floor(513 * 700 * (10 ** (mel * i / 2595) - 1) / 16000) for i in range(BANDS + 2)]
    for number in (0, 5, 12):
        power = np.abs(np.fft.rfft(whole[number * HOP :][:WINDOW], N_FFT)) ** 2 / N_FFT
        bands = [
            sum(power[i] * (i - a) / (b - a) for i in range(a, b))
            + sum(power[i] * (c - i) / (c - b) for i in range(b, c))
            for a, b, c in zip(corner, corner[1:], corner[2:], strict=False)
        ]
        cepstra = [
            value * (1 + 11 * math.sin(math.pi * i / 22)) for i, value in enumerate(dct(np.log(bands), norm="ortho"))
        ]
        assert np.allclose(made[number], [math.log(power.sum()), *cepstra[1:CEPSTRA]], atol=1e-3)
    assert np.isfinite(made).all()


def test_cepstra_of_no_sound_and_of_too_much():
    assert np.isfinite(mfcc(np.zeros(0, np.float32), 2)).all() and mfcc(sound(), 0).shape == (0, CEPSTRA)
    assert np.array_equal(mfcc(sound(), 10)[:30], mfcc(sound(), 75)[:30])
