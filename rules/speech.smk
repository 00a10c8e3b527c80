rule people:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media="<results>/collect/clips/{shard}/media",
    output:
        people="<results>/speech/people/{shard}/people.parquet",
    log:
        "<logs>/speech/people/{shard}.log",
    benchmark:
        "<benchmarks>/speech/people/{shard}.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=120,
    params:
        settings=settings(CONFIG.speech.people),
    message:
        "F3 measure: how many people are seen, shard {wildcards.shard}"
    script:
        "../scripts/speech/people.py"


rule diarize:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media="<results>/collect/clips/{shard}/media",
        people="<results>/speech/people/{shard}/people.parquet",
        studio=studio(
            "side_turns/{shard}/turns.parquet", "side_turns/{shard}/speakers.parquet"
        ),
        models=models(CONFIG.speech.diarize),
    output:
        turns="<results>/speech/diarize/{shard}/turns.parquet",
        speakers="<results>/speech/diarize/{shard}/speakers.parquet",
    log:
        "<logs>/speech/diarize/{shard}.log",
    benchmark:
        "<benchmarks>/speech/diarize/{shard}.tsv"
    conda:
        f"../envs/{CONFIG.speech.diarize.family}.yaml"
    threads: 1
    resources:
        **gpus(CONFIG.speech.diarize.gpus),
        mem_mb=memory(8000 if CONFIG.speech.diarize.gpus else 2000),
        runtime=720,
    params:
        settings=settings(CONFIG.speech.diarize),
    message:
        "F3 measure: who speaks when, shard {wildcards.shard}"
    script:
        "../scripts/speech/diarize.py"


rule keep_two_speakers:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        speakers="<results>/speech/diarize/{shard}/speakers.parquet",
    output:
        keep_two_speakers="<results>/speech/keep_two_speakers/{shard}/keep_two_speakers.parquet",
    log:
        "<logs>/speech/keep_two_speakers/{shard}.log",
    benchmark:
        "<benchmarks>/speech/keep_two_speakers/{shard}.tsv"
    conda:
        "../envs/speech.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=5,
    params:
        settings=settings(CONFIG.speech.keep_two_speakers),
    message:
        "F3 decide: clips in which two people speak, shard {wildcards.shard}"
    script:
        "../scripts/speech/keep_two_speakers.py"


rule transcribe:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media="<results>/collect/clips/{shard}/media",
        download="<results>/collect/download/{shard}/download.parquet",
        captions="<results>/collect/download/{shard}/media",
        studio=studio(
            "script_words/{shard}/transcript.parquet",
            "script_words/{shard}/languages.parquet",
        ),
        models=models(CONFIG.speech.transcribe),
    output:
        transcript="<results>/speech/transcribe/{shard}/transcript.parquet",
        languages="<results>/speech/transcribe/{shard}/languages.parquet",
    log:
        "<logs>/speech/transcribe/{shard}.log",
    benchmark:
        "<benchmarks>/speech/transcribe/{shard}.tsv"
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
        "F4 measure: language, and words with times, shard {wildcards.shard}"
    script:
        "../scripts/speech/transcribe.py"


rule keep_language:
    input:
        languages="<results>/speech/transcribe/{shard}/languages.parquet",
        keep_two_speakers="<results>/speech/keep_two_speakers/{shard}/keep_two_speakers.parquet",
    output:
        keep_language="<results>/speech/keep_language/{shard}/keep_language.parquet",
    log:
        "<logs>/speech/keep_language/{shard}.log",
    benchmark:
        "<benchmarks>/speech/keep_language/{shard}.tsv"
    conda:
        "../envs/speech.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=5,
    params:
        settings=settings(CONFIG.speech.keep_language),
    message:
        "F4 decide: clips in the wanted language, shard {wildcards.shard}"
    script:
        "../scripts/speech/keep_language.py"


rule utterances:
    input:
        transcript="<results>/speech/transcribe/{shard}/transcript.parquet",
        turns="<results>/speech/diarize/{shard}/turns.parquet",
        keep_language="<results>/speech/keep_language/{shard}/keep_language.parquet",
    output:
        words="<results>/speech/utterances/{shard}/words.parquet",
        utterances="<results>/speech/utterances/{shard}/utterances.parquet",
    log:
        "<logs>/speech/utterances/{shard}.log",
    benchmark:
        "<benchmarks>/speech/utterances/{shard}.tsv"
    conda:
        "../envs/speech.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        two_speakers=CONFIG.speech.keep_two_speakers.enabled,
        settings=settings(CONFIG.speech.utterances),
    message:
        "P2: words and utterances of each speaker, shard {wildcards.shard}"
    script:
        "../scripts/speech/utterances.py"


rule annotations:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media="<results>/collect/clips/{shard}/media",
        turns="<results>/speech/diarize/{shard}/turns.parquet",
        keep_language="<results>/speech/keep_language/{shard}/keep_language.parquet",
        words="<results>/speech/utterances/{shard}/words.parquet",
    output:
        annotations=directory("<results>/speech/annotations/{shard}"),
    log:
        "<logs>/speech/annotations/{shard}.log",
    benchmark:
        "<benchmarks>/speech/annotations/{shard}.tsv"
    conda:
        "../envs/speech.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=30,
    message:
        "RTTM, WebVTT, TextGrid and ELAN files for annotators, shard {wildcards.shard}"
    script:
        "../scripts/speech/annotations.py"


rule speech:
    input:
        expand("<results>/speech/utterances/{shard}/utterances.parquet", shard=SHARDS),
        expand("<results>/speech/annotations/{shard}", shard=SHARDS),
    message:
        "Who says what and when: utterances of every clip, and files for annotators"
