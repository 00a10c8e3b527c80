"""How well the embedded diarizer tells who speaks when, beside the plain baseline, and what it costs.

Run from the repository's root:
  python benchmarks/diarization.py SET=FOLDER [SET=FOLDER ...]     error rates and cost; a folder holds *.wav and *.rttm
  python benchmarks/diarization.py --hours 3                       peak memory and cost of one long sound
pyannote.audio's package holds the telephone sample in pyannote/audio/sample; tests/ of its repository the AMI clips.

Error rates are pyannote.metrics' DER, overlaps counted, with a collar of 0 and of 0.25 s (half of it each side of a
boundary). The baseline is k-means with two clusters on the voices of the same pieces of speech. Cost is processor
seconds an hour of sound, one thread; --hours measures it beside that of the two networks alone.
"""

import argparse
import itertools
import resource
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import torch
import yaml
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate
from sklearn.cluster import KMeans

from nonverbal.config import SCHEMA
from nonverbal.media import SAMPLE_RATE, Recording
from nonverbal.speech import embedded_diarizer
from nonverbal.speech.embedded_diarizer import EmbeddedDiarizer
from nonverbal.speech.settings import Speech
from nonverbal.speech.turns import Turn, join_turns

COLLARS = (0.0, 0.25)
Diarize = Callable[[np.ndarray, int], list[Turn]]  # sound, true number of speakers


def settings() -> Speech:
    """The section speech of config.yaml."""
    return Speech.model_validate(yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text())["speech"])


def read_sound(path: Path) -> np.ndarray:
    """Any sound as 16 kHz mono float32."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        return np.concatenate([part.to_ndarray()[0] for part in [*frames, *resampler.resample(None)]])


def read_truth(folder: Path) -> dict[str, Annotation]:
    """Who speaks when in each file of a folder's RTTMs, by the file's name without ending."""
    truth: dict[str, Annotation] = {}
    for number, line in enumerate(itertools.chain(*(path.open() for path in sorted(folder.glob("*.rttm"))))):
        _, name, _, start, length, _, _, speaker, *_ = line.split()
        segment = Segment(float(start), float(start) + float(length))
        truth.setdefault(name, Annotation())[segment, number] = speaker
    return truth


def annotated(turns: list[Turn]) -> Annotation:
    """pyannote's form of turns."""
    result = Annotation()
    for number, turn in enumerate(turns):
        result[Segment(turn.start_s, turn.end_s), number] = str(turn.speaker)
    return result


def systems(diarizer: EmbeddedDiarizer) -> Iterator[tuple[str, Diarize]]:
    """What is compared, by name."""
    yield "ours, count estimated from sound", lambda sound, count: diarizer(sound)
    yield "ours, count estimated from sound and faces", lambda sound, count: diarizer(sound, count)
    yield "ours, count known", lambda sound, count: diarizer(sound, speakers=count)
    yield "baseline, k-means(2)", lambda sound, count: k_means(diarizer, sound)


def k_means(diarizer: EmbeddedDiarizer, sound: np.ndarray) -> list[Turn]:
    """Two clusters of the pieces' voices, whatever is heard."""
    block = diarizer.listen(sound, 0)
    if not block.pieces:
        return []
    voices = block.evidence.voices / block.evidence.seconds[:, None]
    labels = KMeans(min(2, len(voices)), n_init=10, random_state=0).fit_predict(voices)
    turns = [Turn(int(who), start, end) for who, (start, end) in zip(labels, block.pieces, strict=True)]
    return join_turns(turns, diarizer.settings.longest_gap_s)


def scores(sounds: dict[str, np.ndarray], truth: dict[str, Annotation], diarize: Diarize) -> str:
    """Counts, error rates of all files together and processor time, as cells of a table."""
    rates = [DiarizationErrorRate(collar=collar) for collar in COLLARS]
    counts, seconds = [], 0.0
    for name, sound in sounds.items():
        true = len(truth[name].labels())
        started = time.process_time()
        found = diarize(sound, true)
        seconds += time.process_time() - started
        counts.append(f"{len({turn.speaker for turn in found})}/{true}")
        for rate in rates:
            rate(truth[name], annotated(found), uem=Timeline([Segment(0, len(sound) / SAMPLE_RATE)]))
    hours = sum(map(len, sounds.values())) / SAMPLE_RATE / 3600
    parts = rates[0][:]
    shares = [parts[part] / parts["total"] for part in ("missed detection", "false alarm", "confusion")]
    cells = [*(f"{abs(rate):.3f}" for rate in rates), *(f"{share:.3f}" for share in shares), f"{seconds / hours:.0f}"]
    return f"{' '.join(counts)} | " + " | ".join(cells)


class NetworkClock:
    """Processor time spent inside the two networks while it is set up."""

    def __init__(self, diarizer: EmbeddedDiarizer) -> None:
        self.seconds, self.started = 0.0, 0.0
        for network in (diarizer.pyannet, diarizer.encoder):
            network.register_forward_pre_hook(self.begin)
            network.register_forward_hook(self.end)

    def begin(self, *_: object) -> None:
        self.started = time.process_time()

    def end(self, *_: object) -> None:
        self.seconds += time.process_time() - self.started


def accuracy(sets: list[str], diarizer: EmbeddedDiarizer) -> None:
    print("| sound | system | speakers found/true | DER, collar 0 | 0.25 | missed | false | confused | s an hour |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, folder in (one.split("=", 1) for one in sets):
        truth = read_truth(Path(folder))
        sounds = {path.stem: read_sound(path) for path in sorted(Path(folder).glob("*.wav")) if path.stem in truth}
        for system, diarize in systems(diarizer):
            print(f"| {name} | {system} | {scores(sounds, truth, diarize)} |", flush=True)


def write_long(path: Path, hours: float) -> None:
    """A conversation of two synthetic voices, so many hours long."""
    from nonverbal.demo.settings import Voice
    from nonverbal.demo.voice import speak

    lines = ("The frost here can return until the middle of May.", "Exactly, that is when you find something new.")
    said = [speak(line, Voice(name=voice)).samples for line in lines for voice in ("en-us+iven", "en-us+anika")]
    minute = np.concatenate([np.pad(said[i % 4], (0, 4800 + 800 * (i % 7))) for i in range(16)])
    data = (np.clip(minute, -1, 1) * 20_000).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as handle:
        handle.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        for _ in range(round(hours * 3600 * SAMPLE_RATE / len(minute))):
            handle.writeframes(data)


def long_sound(hours: float, diarizer: EmbeddedDiarizer) -> None:
    clock = NetworkClock(diarizer)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write_long(path, hours)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started = time.process_time()
        found = diarizer(Recording(path), 2)
        seconds = time.process_time() - started
        length = len(Recording(path)) / SAMPLE_RATE
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{length / 3600:.2f} h: {len({turn.speaker for turn in found})} speakers, {len(found)} turns")
    print(f"peak memory {after:.0f} MB ({before:.0f} MB before the first block of {embedded_diarizer.BLOCK_S} s)")
    print(f"processor time {seconds:.0f} s = {seconds / length:.4f} x real time")
    print(f"networks alone {clock.seconds:.0f} s; the rest costs {seconds / clock.seconds - 1:.1%} of that")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help="SET=FOLDER")
    parser.add_argument("--hours", type=float)
    args = parser.parse_args()
    if not args.sets and args.hours is None:
        sys.exit(parser.format_usage())
    torch.set_num_threads(1)
    diarizer = EmbeddedDiarizer(settings().diarize)
    if args.sets:
        accuracy(args.sets, diarizer)
    if args.hours is not None:
        long_sound(args.hours, diarizer)


if __name__ == "__main__":
    main()
