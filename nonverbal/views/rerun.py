"""An utterance as a rerun recording (.rrd): source, sound, landmarks, avatar, curves and words on one timeline, `time`.

rerun-sdk is of environment `rerun` alone: with its viewer it is 170 MB to fetch and 500 MB on the disk, and no rule
needs it. `pip install --constraint constraints-rerun.txt rerun-sdk` puts it into the default environment.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from nonverbal.avatar.skeleton import JOINTS, PARENTS
from nonverbal.errors import UserError
from nonverbal.layouts import FPS
from nonverbal.media import VideoWriter, run_ffmpeg
from nonverbal.views.figure import Figures, Screen
from nonverbal.views.found import Found, Span, find, frames_of
from nonverbal.views.landmarks import landmarks, upper_bones
from nonverbal.views.motion import motions_of
from nonverbal.views.sheet import arm_curves, face_curves, head_curves

TIMELINE = "time"  # seconds from the utterance's first frame
BONE_M = 0.004  # radius of a bone as it is drawn


def rerun(results: Path, clip_id: str, utterance_id: int, out: Path) -> None:
    """Write the recording of one utterance.

    Raises:
        UserError: rerun-sdk is not installed, the results hold no such clip or utterance, or nothing is known of who
            speaks.
    """
    found = find(results, clip_id)
    (motion,) = motions_of(found, utterance_id)
    out.parent.mkdir(parents=True, exist_ok=True)
    figures = Figures()  # the open model: a licensed mesh must not be passed on
    screen, joints = Screen(figures, motion), figures.anny.joints(motion)
    recorder = Recorder(out, f"{clip_id}, utterance {utterance_id}: {screen.caption}")
    recorder.media(found, motion.span)
    marks = landmarks(found, motion, figures.anny.person.avatar)
    recorder.words(found, utterance_id, motion.span)
    for frame in range(len(motion.span)):
        recorder.picture_marks(frame, marks.shown[frame], [marks.joints[frame, list(bone)] for bone in upper_bones()])
        recorder.body(frame, figures.anny.surface(screen.vertices[frame], screen.known(frame)), joints[frame])
        recorder.held(frame, motion.held(frame))
    for panel in (face_curves(motion), head_curves(motion), arm_curves(motion)):
        for name, values in panel.lines.items():
            recorder.curve(f"curves/{panel.label.split()[0].strip(',')}/{name.split(' (')[0]}", values)
    recorder.close()


class Recorder:
    """Writes one recording.

    Args:
        path: .rrd to write.
        title: what it shows, with the model's name.
    """

    def __init__(self, path: Path, title: str) -> None:
        try:
            import rerun as sdk
        except ImportError as error:
            raise UserError(
                "rerun-sdk is not installed; write: pip install --constraint constraints-rerun.txt rerun-sdk"
            ) from error
        self.sdk: Any = sdk
        self.stream = sdk.RecordingStream("nonverbal", recording_id=path.stem)
        self.stream.save(path, default_blueprint=self._layout())
        self.stream.send_recording_name(title)
        self.stream.log("avatar", sdk.ViewCoordinates.RIGHT_HAND_Y_UP, static=True)
        self._seen: tuple[str, ...] | None = None
        self._colours: np.ndarray | None = None

    def _layout(self) -> Any:  # noqa: ANN401 - a class of the SDK
        import rerun.blueprint as views

        right = views.Vertical(
            views.TimeSeriesView(origin="curves"), views.TextLogView(origin="words"), views.AudioView(origin="sound")
        )
        pictures = views.Horizontal(views.Spatial2DView(origin="source"), views.Spatial3DView(origin="avatar"))
        return views.Blueprint(views.Horizontal(pictures, right, column_shares=[2, 1]))

    def media(self, found: Found, span: Span) -> None:
        """The span's pictures and sound."""
        with TemporaryDirectory() as folder:
            video, sound = Path(folder) / "source.mp4", Path(folder) / "sound.wav"
            with VideoWriter(video, found.clip["width"] // 2 * 2, found.clip["height"] // 2 * 2) as writer:
                for _, frame in frames_of(found, span):
                    writer.write(frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2])
            asset = self.sdk.AssetVideo(contents=video.read_bytes(), media_type="video/mp4")
            self.stream.log("source", asset, static=True)
            times = asset.read_frame_timestamps_nanos()
            references = self.sdk.VideoFrameReference.columns_nanos(times)
            self.stream.send_columns("source", [self.sdk.TimeColumn(TIMELINE, duration=times * 1e-9)], references)
            if found.audio:
                start, length = (f"{value:.3f}" for value in span.seconds)
                run_ffmpeg("-ss", start, "-t", length, "-i", str(found.audio), str(sound))
                self._at(0)
                self.stream.log("sound", self.sdk.AssetAudio(contents=sound.read_bytes(), media_type="audio/wav"))

    def words(self, found: Found, utterance_id: int, span: Span) -> None:
        """Each word when it starts."""
        rows = found.words[found.words["utterance_id"] == utterance_id]
        for start, word in zip(rows["start_s"], rows["word"], strict=True):
            self.stream.set_time(TIMELINE, duration=max(start - span.seconds[0], 0))
            self.stream.log("words", self.sdk.TextLog(word))

    def picture_marks(self, frame: int, face: np.ndarray, bones: list[np.ndarray]) -> None:
        """Face points [P, 2] and bones, each [2, 2], in pixels of the source; unknown ones (NaN) are left out."""
        self._at(frame)
        self.stream.log("source/face", self.sdk.Points2D(face[np.isfinite(face).all(axis=1)], radii=1.5))
        lines = [bone for bone in bones if np.isfinite(bone).all()]
        self.stream.log("source/body", self.sdk.LineStrips2D(lines, radii=2.0))

    def body(self, frame: int, surface: Any, joints: np.ndarray) -> None:  # noqa: ANN401 - render.Surface
        """The avatar's mesh and its joints [52, 3] with their bones."""
        self._at(frame)
        colours = (surface.mesh.colours * 255).astype(np.uint8)
        if self._colours is None:
            faces = self.sdk.Mesh3D.from_fields(triangle_indices=surface.mesh.faces)
            self.stream.log("avatar/mesh", faces, static=True)
        if self._colours is None or not np.array_equal(colours, self._colours):
            self.stream.log("avatar/mesh", self.sdk.Mesh3D.from_fields(vertex_colors=colours))
            self._colours = colours
        moved = self.sdk.Mesh3D.from_fields(vertex_positions=surface.vertices, vertex_normals=surface.normals)
        self.stream.log("avatar/mesh", moved)
        self.stream.log("avatar/joints", self.sdk.Points3D(joints, labels=list(JOINTS), show_labels=False, radii=0.008))
        bones = [joints[[joint, parent]] for joint, parent in enumerate(PARENTS) if parent >= 0]
        self.stream.log("avatar/bones", self.sdk.LineStrips3D(bones, radii=BONE_M))

    def held(self, frame: int, parts: list[str]) -> None:
        """A line among the words whenever other parts are unknown than before."""
        if tuple(parts) != self._seen:
            self._at(frame)
            text = "not known, held: " + ", ".join(parts) if parts else "all parts known"
            self.stream.log("words/held", self.sdk.TextLog(text, level="WARN" if parts else "INFO"))
            self._seen = tuple(parts)

    def curve(self, path: str, values: np.ndarray) -> None:
        """A parameter [T]; frames in which it is unknown have no value."""
        known = np.flatnonzero(np.isfinite(values))
        times = self.sdk.TimeColumn(TIMELINE, duration=known / FPS)
        self.stream.send_columns(path.replace(" ", "_"), [times], self.sdk.Scalars.columns(scalars=values[known]))

    def close(self) -> None:
        """Finish the file."""
        self.stream.flush()
        self.stream.disconnect()

    def _at(self, frame: int) -> None:
        self.stream.set_time(TIMELINE, duration=frame / FPS)
