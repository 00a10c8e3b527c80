"""What the page shows, in its order: the one place to add a section, a figure or a table.

A part is drawn by the macro of page.html that its kind names. Its caption is resources/report/NAME.rst, where NAME is
the last component of `path`. What rule `report` is given and no part here names stands under `Also made`.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["figure", "table", "funnel", "samples", "distributions", "jobs"]
NO_VIDEOS = "This run started from published records, which hold no videos."
NO_STUDIO = "Its sources have no studio recordings."


@dataclass(frozen=True)
class Part:
    """One thing on the page.

    Attributes:
        kind: how it is drawn.
        path: in the results folder; of figures and tables without its ending.
        title: its heading.
        alt: what a figure shows, for those who do not see it.
        absent: why a run on videos may lack it.
    """

    kind: Kind
    path: str
    title: str
    alt: str = ""
    absent: str = ""


@dataclass(frozen=True)
class Section:
    """Parts under one heading.

    Attributes:
        name: its address in the page.
        title: the heading.
        lead: a sentence below it.
        parts: in order.
    """

    name: str
    title: str
    lead: str
    parts: tuple[Part, ...]


def table(number: int, title: str) -> Part:
    """A table of the paper."""
    return Part("table", f"paper/table{number}", f"Table {number}. {title}")


def figure(number: int, title: str, alt: str) -> Part:
    """A figure of the paper."""
    return Part("figure", f"paper/figure{number}", f"Figure {number}. {title}", alt)


def studio(rule: str, title: str, alt: str) -> Part:
    """A figure of stage studio's own evaluations."""
    return Part("figure", f"studio/{rule}/{rule}", title, alt, NO_STUDIO)


SECTIONS = (
    Section(
        "funnel",
        "What was kept",
        "Every source, video and clip was either kept or dropped for a reason that is written down.",
        (
            Part("funnel", "dataset/funnel/funnel.parquet", "From sources to clips"),
            figure(
                1,
                "The pipeline with its counts",
                "A column of steps from opening the sources to writing records, with bars of what each filter "
                "kept and dropped and the reasons for drops. The table above has the same counts.",
            ),
        ),
    ),
    Section(
        "dataset",
        "The dataset",
        "What the dataset holds, beside what the paper says of its own.",
        (
            table(1, "The dataset beside others"),
            table(2, "What the dataset holds"),
            figure(
                9,
                "A record of the dataset",
                "A time line of one clip: utterances of both speakers, the frames in which a face, a body and a "
                "box are known, and below a part of it with its words.",
            ),
            figure(
                5,
                "What the videos are about",
                "A cloud of the words of the videos' titles, coloured by topic. The table below has their shares.",
            ),
            figure(
                6,
                "Sentiment of sentences",
                "Three clouds of words, of negative, neutral and positive sentences, each above three faces of "
                "such sentences. The table below has the shares.",
            ),
            figure(
                8,
                "Two speakers as meshes",
                "Two rows of meshes, one a speaker: the upper body and the face at equal times of an utterance, "
                "with the words spoken between.",
            ),
        ),
    ),
    Section(
        "samples",
        "Samples",
        "Utterances of which most is known, as the run sees them.",
        (
            Part(
                "samples",
                "views/samples",
                "Overlay and avatar",
                absent="views.samples.utterances is 0, or no utterance has a known face and body.",
            ),
        ),
    ),
    Section(
        "quality",
        "How sure it is",
        "Scores are stored, never thrown away; a line marks the threshold that this run applied.",
        (
            Part("distributions", "", "Distributions of scores"),
            Part(
                "figure",
                "cues/quality/quality",
                "Jitter of faces and bodies",
                "Marks with intervals by group of the face and body parameters: how much they shake from frame to "
                "frame before smoothing and after it by each method. The table below has the numbers.",
            ),
        ),
    ),
    Section(
        "judge",
        "Checked by people",
        "What people said of units that the filters kept or dropped, without knowing which.",
        (
            Part(
                "figure",
                "judge/error_rates/error_rates",
                "How often the filters are wrong",
                "Error rates of each filter with their confidence intervals, of what was kept and of what was "
                "dropped; or a sentence that nobody has judged yet.",
            ),
        ),
    ),
    Section(
        "studio",
        "The studio corpus",
        "What studio recordings of two actors hold, where there are any.",
        (
            studio(
                "emotion_frequencies",
                "Emotions",
                "Bars of how often each emotion is, of men and of women, beside reference percentages where they are "
                "given. The table below has the shares.",
            ),
            studio(
                "emotion_pairs",
                "Emotions that occur together",
                "A matrix of emotions: the share of dialogues with either of two emotions that have both. "
                "The table below has the shares.",
            ),
            studio(
                "gaze",
                "Gaze",
                "A heat map of the directions in which actors look while they speak, and a rose of how often they look "
                "which way.",
            ),
            studio(
                "framing_check",
                "Face and body in the picture",
                "Areas of face and body as shares of the picture, and how often each is cut by its edge. "
                "The table below has the shares.",
            ),
        ),
    ),
    Section(
        "tokenizers",
        "Tokenizers",
        "Two networks turn face and body motion into tokens and back.",
        (
            table(3, "What the tokenizers lose"),
            figure(
                7,
                "The tokenizers",
                "Two diagrams of layers, of the face's and the body's tokenizer: encoder, codebook, decoder, with"
                " kernels, strides, channels and losses.",
            ),
            figure(
                3,
                "Faces and bodies in groups",
                "Two scatter plots, of faces and of bodies by t-SNE, coloured by cluster, and below a mesh for "
                "each of the first clusters.",
            ),
            Part(
                "figure",
                "tokenizers/codebooks/codebooks",
                "How often each code is used",
                "Curves of each code's share of use, most used first, for face and body, ours beside the baselines.",
            ),
            Part(
                "figure",
                "tokenizers/reconstruction/reconstruction",
                "What comes back from tokens",
                "Curves of four numbers over time, true and decoded from tokens, and bars of each group's error.",
            ),
        ),
    ),
    Section(
        "mars",
        "MARS",
        "A language model over words, faces and bodies.",
        (
            table(4, "Before and after training"),
            table(5, "What it is trained on"),
            figure(
                2,
                "The system",
                "A diagram of the system: video frames, face and body tokenizers, and the language model that "
                "reads and writes words and motion tokens, with their sizes.",
            ),
            figure(
                4,
                "Answers",
                "Answers in time, MARS's beside the true one: words, face and body tokens, and key frames as meshes.",
            ),
            Part(
                "figure",
                "paper/algorithm1",
                "Algorithm 1. Whose crop each word gets",
                "A time line of one clip: for each word the person that the published algorithm takes and the "
                "person that this project's rule takes.",
            ),
        ),
    ),
    Section(
        "inconsistencies",
        "What does not add up in the paper",
        "The paper's numbers, held against each other.",
        (Part("table", "paper/inconsistencies", "Stated and computed"),),
    ),
    Section(
        "cost",
        "What it cost",
        "Processor time, memory and bytes of this run.",
        (Part("table", "provenance/cost/cost", "Cost by stage", absent="Rule cost has not run."),),
    ),
    Section(
        "provenance",
        "What made what",
        "Every part of this page has a record of the job that made it.",
        (Part("jobs", "", "The parts of this page"),),
    ),
)


@dataclass(frozen=True)
class Distribution:
    """A histogram of one score.

    Attributes:
        path: pattern of the files in the results folder.
        table: their schema.
        column: the score.
        title: what it is.
        unit: what one value is of.
        threshold: rule and key of the settings that decide by it.
        note: how to read it.
    """

    path: str
    table: str
    column: str
    title: str
    unit: str
    threshold: tuple[str, str] | None = None
    note: str = ""


DISTRIBUTIONS = (
    Distribution(
        "collect/thumbnails/*/thumbnails.parquet",
        "thumbnails",
        "best_score",
        "Best face of a thumbnail",
        "video",
        ("keep_people", "score"),
        "Thumbnails below the line are dropped.",
    ),
    Distribution(
        "speech/diarize/*/speakers.parquet",
        "speakers",
        "second_share",
        "Second speaker's share",
        "clip",
        ("keep_two_speakers", "speaker_share"),
        "Below the line a clip has one speaker.",
    ),
    Distribution(
        "speech/transcribe/*/languages.parquet",
        "languages",
        "score",
        "Score of the language",
        "clip",
        ("keep_language", "score"),
        "Below the line a clip's language is undetermined.",
    ),
    Distribution(
        "speech/transcribe/*/transcript.parquet",
        "transcript",
        "confidence",
        "Confidence of a word",
        "word",
        note="Of speech recognition. Captions that are aligned have none.",
    ),
    Distribution(
        "speakers/active_speaker/*/active_speaker.parquet",
        "active_speaker",
        "score",
        "Active speaker score",
        "face and frame",
        note="Above 0 the face speaks.",
    ),
    Distribution(
        "speakers/active_speaker/*/visibility.parquet",
        "visibility",
        "disagreement",
        "Face against voice",
        "clip",
        note="Share of frames in which mouth and voice say the contrary.",
    ),
    Distribution(
        "cues/smooth/*/face.parquet",
        "face",
        "confidence",
        "Fit of the face",
        "frame",
        note="Confidence: small where the fitted face leaves large errors, or the head is turned away.",
    ),
    Distribution(
        "cues/smooth/*/body.parquet",
        "body",
        "confidence",
        "Fit of the body",
        "frame",
        note="Confidence of shoulders, elbows and wrists.",
    ),
    Distribution(
        "cues/smooth/*/quality.parquet",
        "quality",
        "known",
        "Known share of parameters",
        "utterance and group",
        note="0 where nothing of a group was seen in the utterance.",
    ),
)
