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


rule studio:
    input:
        expand(
            "<results>/studio/published/{shard}/published.parquet", shard=STUDIO_SHARDS
        ),
        expand(
            "<results>/studio/script_words/{shard}/transcript.parquet",
            shard=STUDIO_SHARDS,
        ),
    message:
        "Studio recordings: turns, words, script, and the published layout"
