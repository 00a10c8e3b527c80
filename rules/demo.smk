from nonverbal.demo.serve import demo_port
from nonverbal.demo.settings import load_corpus

CORPUS_SPEC = load_corpus(Path(workflow.basedir) / "demo" / "corpus.yaml")
CORPUS_VIDEOS = list(CORPUS_SPEC.videos)


pathvars:
    corpus=f"{CONFIG.results}/corpus",


# The names of the studio's files, where the config's sources take them.
STUDIO_FOLDER = f"{CONFIG.results}/corpus/studio"
RECORDED = STUDIO_FOLDER in [source.folder for source in STUDIO_SOURCES]
RECORDINGS = CORPUS_SPEC.studio.names(Path(STUDIO_FOLDER).name)


wildcard_constraints:
    video="|".join(CORPUS_VIDEOS),


rule corpus:
    output:
        media=directory("<corpus>/media/{video}"),
        truth=directory("<corpus>/truth/{video}"),
    log:
        "<logs>/demo/corpus/{video}.log",
    benchmark:
        "<benchmarks>/demo/corpus/{video}.tsv"
    conda:
        "../envs/demo.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),  # the first job assembles Anny's shapes
        runtime=20,
    params:
        settings=lambda wildcards: settings(CORPUS_SPEC.videos[wildcards.video]),
        channels=lambda wildcards: CORPUS_SPEC.listed_by(wildcards.video),
        seed=CONFIG.seed,
    message:
        "Rendering {wildcards.video}"
    script:
        "../scripts/demo/corpus.py"


rule recordings:
    output:
        studio=directory("<corpus>/studio"),
        script="<corpus>/script.json",
        truth=[directory(f"<corpus>/truth/{name}") for name in RECORDINGS],
    log:
        "<logs>/demo/recordings.log",
    benchmark:
        "<benchmarks>/demo/recordings.tsv"
    conda:
        "../envs/demo.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),  # the first job assembles Anny's shapes
        runtime=20,
    params:
        settings=settings(CORPUS_SPEC.studio),
        language="en",
        seed=CONFIG.seed,
    message:
        "Rendering the studio's recordings"
    script:
        "../scripts/demo/recordings.py"


rule feed:
    input:
        media=expand("<corpus>/media/{video}", video=CORPUS_VIDEOS),
    output:
        channels="<corpus>/channels.csv",
        feeds=directory("<corpus>/feeds"),
        pages=directory("<corpus>/pages"),
    log:
        "<logs>/demo/feed.log",
    benchmark:
        "<benchmarks>/demo/feed.tsv"
    conda:
        "../envs/demo.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=5,
    params:
        settings=settings(CORPUS_SPEC),
        port=demo_port(),
    message:
        "Writing the feeds, the pages and the list of channels"
    script:
        "../scripts/demo/feed.py"


rule dialogues:
    output:
        records=directory("<corpus>/dialogues"),
    log:
        "<logs>/demo/dialogues.log",
    benchmark:
        "<benchmarks>/demo/dialogues.tsv"
    conda:
        "../envs/demo.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=60,
    params:
        settings=settings(CONFIG.demo.dialogues),
        split=settings(CONFIG.dataset.split),
        seed=CONFIG.seed,
    message:
        "Dialogues of known structure, as published records"
    script:
        "../scripts/demo/dialogues.py"


rule truth:
    input:
        known=expand(
            "<corpus>/truth/{name}",
            name=CORPUS_VIDEOS + (RECORDINGS if RECORDED else []),
        ),
        side_voices=expand(
            "<results>/studio/side_voices/{shard}/side_voices.parquet",
            shard=STUDIO_SHARDS,
        ),
        side_turns=expand(
            "<results>/studio/side_turns/{shard}/side_turns.parquet",
            shard=STUDIO_SHARDS,
        ),
        side_heard=expand(
            "<results>/studio/side_words/{shard}/side_heard.parquet",
            shard=STUDIO_SHARDS,
        ),
        script_lines=expand(
            "<results>/studio/script_lines/{shard}/script_lines.parquet",
            shard=STUDIO_SHARDS,
        ),
        published=expand(
            "<results>/studio/published/{shard}/published.parquet",
            shard=STUDIO_SHARDS,
        ),
        scripts=[source.script for source in STUDIO_SOURCES if source.script],
        channels="<results>/collect/channels/channels.parquet",
        keep_people=expand(
            "<results>/collect/keep_people/{shard}/keep_people.parquet", shard=SHARDS
        ),
        download=expand(
            "<results>/collect/download/{shard}/download.parquet", shard=SHARDS
        ),
        clips=expand("<results>/collect/clips/{shard}/clips.parquet", shard=SHARDS),
        keep_two_speakers=expand(
            "<results>/speech/keep_two_speakers/{shard}/keep_two_speakers.parquet",
            shard=SHARDS,
        ),
        keep_language=expand(
            "<results>/speech/keep_language/{shard}/keep_language.parquet",
            shard=SHARDS,
        ),
        keep_visible=expand(
            "<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
            shard=SHARDS,
        ),
        keep_safe=expand(
            "<results>/dataset/keep_safe/{shard}/keep_safe.parquet", shard=SHARDS
        ),
        turns=expand("<results>/speech/diarize/{shard}/turns.parquet", shard=SHARDS),
        transcript=expand(
            "<results>/speech/transcribe/{shard}/transcript.parquet", shard=SHARDS
        ),
        languages=expand(
            "<results>/speech/transcribe/{shard}/languages.parquet", shard=SHARDS
        ),
        words=expand("<results>/speech/utterances/{shard}/words.parquet", shard=SHARDS),
        utterances=expand(
            "<results>/speech/utterances/{shard}/utterances.parquet", shard=SHARDS
        ),
        tracks=expand("<results>/speakers/tracks/{shard}/tracks.parquet", shard=SHARDS),
        active_speaker=expand(
            "<results>/speakers/active_speaker/{shard}/active_speaker.parquet",
            shard=SHARDS,
        ),
        crops=expand("<results>/speakers/crops/{shard}/crops.parquet", shard=SHARDS),
        face=expand("<results>/cues/smooth/{shard}/face.parquet", shard=SHARDS),
        body=expand("<results>/cues/smooth/{shard}/body.parquet", shard=SHARDS),
    output:
        csv=report(
            "<results>/truth.csv",
            caption="../resources/report/truth.rst",
            category="Truth",
            labels={"table": "truth", "format": "csv"},
        ),
        md=report(
            "<results>/truth.md",
            caption="../resources/report/truth.rst",
            category="Truth",
            labels={"table": "truth", "format": "md"},
        ),
    log:
        "<logs>/demo/truth.log",
    benchmark:
        "<benchmarks>/demo/truth.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=20,
    params:
        length_s=CONFIG.collect.clips.length_s,
    message:
        "Scoring the demonstration against its truth"
    script:
        "../scripts/demo/truth.py"
