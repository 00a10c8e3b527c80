# The second corpus: stereo recordings of two actors, one a channel. Collect lists, links and cuts them like any video;
# who speaks and what is said comes from here, in the tables that `diarize` and `transcribe` write for other videos.
STUDIO_SHARDS = SHARDS if STUDIO_SOURCES else []


rule sides:
    input:
        videos="<results>/collect/channels/{shard}.parquet",
        download="<results>/collect/download/{shard}/download.parquet",
        downloaded="<results>/collect/download/{shard}/media",
    output:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        media=directory("<results>/studio/sides/{shard}/media"),
    log:
        "<logs>/studio/sides/{shard}.log",
    benchmark:
        "<benchmarks>/studio/sides/{shard}.tsv"
    conda:
        "../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=720,
    params:
        folders=[source.folder for source in STUDIO_SOURCES],
        settings=settings(CONFIG.studio.sides),
    message:
        "Studio: the two channels of each recording, shard {wildcards.shard}"
    script:
        "../scripts/studio/sides.py"


rule side_voices:
    input:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        sounds="<results>/studio/sides/{shard}/media",
        models=models(CONFIG.speech.diarize),
    output:
        side_voices="<results>/studio/side_voices/{shard}/side_voices.parquet",
    log:
        "<logs>/studio/side_voices/{shard}.log",
    benchmark:
        "<benchmarks>/studio/side_voices/{shard}.tsv"
    conda:
        f"../envs/{CONFIG.speech.diarize.family}.yaml"
    threads: 1
    resources:
        **gpus(CONFIG.speech.diarize.gpus),
        mem_mb=memory(8000 if CONFIG.speech.diarize.gpus else 2000),
        runtime=1440,
    params:
        settings=settings(CONFIG.speech.diarize),
    message:
        "Studio: every voice on each channel, shard {wildcards.shard}"
    script:
        "../scripts/studio/side_voices.py"


rule side_turns:
    input:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        side_voices="<results>/studio/side_voices/{shard}/side_voices.parquet",
    output:
        side_turns="<results>/studio/side_turns/{shard}/side_turns.parquet",
        turns="<results>/studio/side_turns/{shard}/turns.parquet",
        speakers="<results>/studio/side_turns/{shard}/speakers.parquet",
    log:
        "<logs>/studio/side_turns/{shard}.log",
    benchmark:
        "<benchmarks>/studio/side_turns/{shard}.tsv"
    conda:
        "../envs/speech.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=10,
    params:
        settings=settings(CONFIG.studio.side_turns),
    message:
        "Studio: the loudest voice of a channel is its actor, shard {wildcards.shard}"
    script:
        "../scripts/studio/side_turns.py"


rule side_words:
    input:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        sounds="<results>/studio/sides/{shard}/media",
        side_turns="<results>/studio/side_turns/{shard}/side_turns.parquet",
        download="<results>/collect/download/{shard}/download.parquet",
        captions="<results>/collect/download/{shard}/media",
        models=models(CONFIG.speech.transcribe),
    output:
        side_heard="<results>/studio/side_words/{shard}/side_heard.parquet",
        side_words="<results>/studio/side_words/{shard}/side_words.parquet",
    log:
        "<logs>/studio/side_words/{shard}.log",
    benchmark:
        "<benchmarks>/studio/side_words/{shard}.tsv"
    conda:
        f"../envs/{CONFIG.speech.transcribe.family}.yaml"
    threads: 1
    resources:
        **gpus(CONFIG.speech.transcribe.gpus),
        mem_mb=memory(16000 if CONFIG.speech.transcribe.gpus else 2000),
        runtime=2880,
    params:
        settings=settings(CONFIG.speech.transcribe),
    message:
        "Studio: the words of each turn, shard {wildcards.shard}"
    script:
        "../scripts/studio/side_words.py"


rule script_lines:
    input:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        side_heard="<results>/studio/side_words/{shard}/side_heard.parquet",
        scripts=[source.script for source in STUDIO_SOURCES if source.script],
    output:
        script_lines="<results>/studio/script_lines/{shard}/script_lines.parquet",
    log:
        "<logs>/studio/script_lines/{shard}.log",
    benchmark:
        "<benchmarks>/studio/script_lines/{shard}.tsv"
    conda:
        "../envs/speech.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=60,
    params:
        settings=settings(CONFIG.studio.script_lines),
    message:
        "Studio: which line of the script each turn is, shard {wildcards.shard}"
    script:
        "../scripts/studio/script_lines.py"


rule script_words:
    input:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        sounds="<results>/studio/sides/{shard}/media",
        side_turns="<results>/studio/side_turns/{shard}/side_turns.parquet",
        side_heard="<results>/studio/side_words/{shard}/side_heard.parquet",
        side_words="<results>/studio/side_words/{shard}/side_words.parquet",
        script_lines="<results>/studio/script_lines/{shard}/script_lines.parquet",
        download="<results>/collect/download/{shard}/download.parquet",
    output:
        transcript="<results>/studio/script_words/{shard}/transcript.parquet",
        languages="<results>/studio/script_words/{shard}/languages.parquet",
    log:
        "<logs>/studio/script_words/{shard}.log",
    benchmark:
        "<benchmarks>/studio/script_words/{shard}.tsv"
    conda:
        "../envs/speech.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=720,
    params:
        settings=settings(CONFIG.studio.script_words),
        transcribe=settings(CONFIG.speech.transcribe),
    message:
        "Studio: words with times, of the script where it is known, shard {wildcards.shard}"
    script:
        "../scripts/studio/script_words.py"


rule published:
    input:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        sounds="<results>/studio/sides/{shard}/media",
        side_voices="<results>/studio/side_voices/{shard}/side_voices.parquet",
        side_turns="<results>/studio/side_turns/{shard}/side_turns.parquet",
        side_heard="<results>/studio/side_words/{shard}/side_heard.parquet",
        download="<results>/collect/download/{shard}/download.parquet",
        downloaded="<results>/collect/download/{shard}/media",
    output:
        published="<results>/studio/published/{shard}/published.parquet",
        files=directory("<results>/studio/published/{shard}/files"),
    log:
        "<logs>/studio/published/{shard}.log",
    benchmark:
        "<benchmarks>/studio/published/{shard}.tsv"
    conda:
        "../envs/speech.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=1440,
    message:
        "Studio: turns as files, in the published layout, shard {wildcards.shard}"
    script:
        "../scripts/studio/published.py"


rule emotions:
    input:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        side_heard="<results>/studio/side_words/{shard}/side_heard.parquet",
        script_lines="<results>/studio/script_lines/{shard}/script_lines.parquet",
        words=CONFIG.studio.emotions.words,
        models=models(CONFIG.studio.emotions),
    output:
        emotions="<results>/studio/emotions/{shard}/emotions.parquet",
    log:
        "<logs>/studio/emotions/{shard}.log",
    benchmark:
        "<benchmarks>/studio/emotions/{shard}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        **gpus(CONFIG.studio.emotions.gpus),
        mem_mb=memory(4000),
        runtime=720,
    params:
        settings=settings(CONFIG.studio.emotions),
    message:
        "Studio: the emotion of each turn, shard {wildcards.shard}"
    script:
        "../scripts/studio/emotions.py"


rule emotion_frequencies:
    input:
        emotions=expand(
            "<results>/studio/emotions/{shard}/emotions.parquet", shard=SHARDS
        ),
        actors=[source.actors for source in STUDIO_SOURCES if source.actors],
        reference=CONFIG.studio.emotion_frequencies.reference or [],
    output:
        csv=report(
            "<results>/studio/emotion_frequencies/emotion_frequencies.csv",
            caption="../resources/report/emotion_frequencies.rst",
            category="Studio",
            labels={"table": "emotion frequencies", "format": "csv"},
        ),
        md=report(
            "<results>/studio/emotion_frequencies/emotion_frequencies.md",
            caption="../resources/report/emotion_frequencies.rst",
            category="Studio",
            labels={"table": "emotion frequencies", "format": "md"},
        ),
        tex="<results>/studio/emotion_frequencies/emotion_frequencies.tex",
        png=report(
            "<results>/studio/emotion_frequencies/emotion_frequencies.png",
            caption="../resources/report/emotion_frequencies.rst",
            category="Studio",
            labels={"figure": "emotion frequencies", "format": "png"},
        ),
        pdf="<results>/studio/emotion_frequencies/emotion_frequencies.pdf",
    log:
        "<logs>/studio/emotion_frequencies.log",
    benchmark:
        "<benchmarks>/studio/emotion_frequencies.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=20,
    message:
        "Studio: how often each emotion is, of men and of women"
    script:
        "../scripts/studio/emotion_frequencies.py"


rule emotion_pairs:
    input:
        emotions=expand(
            "<results>/studio/emotions/{shard}/emotions.parquet", shard=SHARDS
        ),
    output:
        csv=report(
            "<results>/studio/emotion_pairs/emotion_pairs.csv",
            caption="../resources/report/emotion_pairs.rst",
            category="Studio",
            labels={"table": "emotion pairs", "format": "csv"},
        ),
        md=report(
            "<results>/studio/emotion_pairs/emotion_pairs.md",
            caption="../resources/report/emotion_pairs.rst",
            category="Studio",
            labels={"table": "emotion pairs", "format": "md"},
        ),
        tex="<results>/studio/emotion_pairs/emotion_pairs.tex",
        png=report(
            "<results>/studio/emotion_pairs/emotion_pairs.png",
            caption="../resources/report/emotion_pairs.rst",
            category="Studio",
            labels={"figure": "emotion pairs", "format": "png"},
        ),
        pdf="<results>/studio/emotion_pairs/emotion_pairs.pdf",
    log:
        "<logs>/studio/emotion_pairs.log",
    benchmark:
        "<benchmarks>/studio/emotion_pairs.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=20,
    message:
        "Studio: which emotions occur together"
    script:
        "../scripts/studio/emotion_pairs.py"


rule gaze:
    input:
        sides=expand("<results>/studio/sides/{shard}/sides.parquet", shard=SHARDS),
        face=expand("<results>/cues/face/{shard}/face.parquet", shard=SHARDS),
    output:
        csv=report(
            "<results>/studio/gaze/gaze.csv",
            caption="../resources/report/gaze.rst",
            category="Studio",
            labels={"table": "gaze", "format": "csv"},
        ),
        heat="<results>/studio/gaze/heat.csv",
        rose="<results>/studio/gaze/rose.csv",
        md=report(
            "<results>/studio/gaze/gaze.md",
            caption="../resources/report/gaze.rst",
            category="Studio",
            labels={"table": "gaze", "format": "md"},
        ),
        png=report(
            "<results>/studio/gaze/gaze.png",
            caption="../resources/report/gaze.rst",
            category="Studio",
            labels={"figure": "gaze", "format": "png"},
        ),
        pdf="<results>/studio/gaze/gaze.pdf",
    log:
        "<logs>/studio/gaze.log",
    benchmark:
        "<benchmarks>/studio/gaze.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=120,
    params:
        backends=step_backends("face"),
        settings=settings(CONFIG.studio.gaze),
    message:
        "Studio: where the actors look"
    script:
        "../scripts/studio/gaze.py"


rule framing:
    input:
        sides="<results>/studio/sides/{shard}/sides.parquet",
        clips="<results>/collect/clips/{shard}/clips.parquet",
        keep_language="<results>/speech/keep_language/{shard}/keep_language.parquet",
        tracks="<results>/speakers/tracks/{shard}/tracks.parquet",
        body="<results>/cues/smooth/{shard}/body.parquet",
    output:
        framing="<results>/studio/framing/{shard}/framing.parquet",
    log:
        "<logs>/studio/framing/{shard}.log",
    benchmark:
        "<benchmarks>/studio/framing/{shard}.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        settings=settings(CONFIG.studio.framing),
    message:
        "Studio: face and body in the picture, shard {wildcards.shard}"
    script:
        "../scripts/studio/framing.py"


rule framing_check:
    input:
        framing=expand("<results>/studio/framing/{shard}/framing.parquet", shard=SHARDS),
    output:
        csv=report(
            "<results>/studio/framing_check/framing_check.csv",
            caption="../resources/report/framing_check.rst",
            category="Studio",
            labels={"table": "framing check", "format": "csv"},
        ),
        recordings="<results>/studio/framing_check/recordings.csv",
        md=report(
            "<results>/studio/framing_check/framing_check.md",
            caption="../resources/report/framing_check.rst",
            category="Studio",
            labels={"table": "framing check", "format": "md"},
        ),
        tex="<results>/studio/framing_check/framing_check.tex",
        png=report(
            "<results>/studio/framing_check/framing_check.png",
            caption="../resources/report/framing_check.rst",
            category="Studio",
            labels={"figure": "framing check", "format": "png"},
        ),
        pdf="<results>/studio/framing_check/framing_check.pdf",
    log:
        "<logs>/studio/framing_check.log",
    benchmark:
        "<benchmarks>/studio/framing_check.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=20,
    params:
        backends=step_backends("tracks"),
        settings=settings(CONFIG.studio.framing_check),
    message:
        "Studio: whether face, body and hands are in the picture"
    script:
        "../scripts/studio/framing_check.py"


rule studio:
    input:
        expand(
            "<results>/studio/published/{shard}/published.parquet", shard=STUDIO_SHARDS
        ),
        expand(
            "<results>/studio/script_words/{shard}/transcript.parquet",
            shard=STUDIO_SHARDS,
        ),
        (
            [
                rules.emotion_frequencies.output,
                rules.emotion_pairs.output,
                rules.gaze.output,
                rules.framing_check.output,
            ]
            if STUDIO_SOURCES
            else []
        ),
    message:
        "Studio recordings: turns, words, script, the published layout, and what the corpus is judged by"
