rule tracks:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media="<results>/collect/clips/{shard}/media",
        keep_language="<results>/speech/keep_language/{shard}/keep_language.parquet",
        models=models(CONFIG.speakers.tracks),
    output:
        tracks="<results>/speakers/tracks/{shard}/tracks.parquet",
    log:
        "<logs>/speakers/tracks/{shard}.log",
    benchmark:
        "<benchmarks>/speakers/tracks/{shard}.tsv"
    conda:
        f"../envs/{CONFIG.speakers.tracks.family}.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=720,
    params:
        settings=settings(CONFIG.speakers.tracks),
    message:
        "P3: faces and persons followed through each shot, shard {wildcards.shard}"
    script:
        "../scripts/speakers/tracks.py"


rule active_speaker:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media="<results>/collect/clips/{shard}/media",
        words="<results>/speech/utterances/{shard}/words.parquet",
        turns="<results>/speech/diarize/{shard}/turns.parquet",
        keep_language="<results>/speech/keep_language/{shard}/keep_language.parquet",
        tracks="<results>/speakers/tracks/{shard}/tracks.parquet",
        models=models(CONFIG.speakers.active_speaker),
    output:
        active_speaker="<results>/speakers/active_speaker/{shard}/active_speaker.parquet",
        visibility="<results>/speakers/active_speaker/{shard}/visibility.parquet",
    log:
        "<logs>/speakers/active_speaker/{shard}.log",
    benchmark:
        "<benchmarks>/speakers/active_speaker/{shard}.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        settings=settings(CONFIG.speakers.active_speaker),
    message:
        "P3: which face speaks in each frame, shard {wildcards.shard}"
    script:
        "../scripts/speakers/active_speaker.py"


rule keep_visible:
    input:
        visibility="<results>/speakers/active_speaker/{shard}/visibility.parquet",
    output:
        keep_visible="<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
    log:
        "<logs>/speakers/keep_visible/{shard}.log",
    benchmark:
        "<benchmarks>/speakers/keep_visible/{shard}.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=5,
    params:
        settings=settings(CONFIG.speakers.keep_visible),
    message:
        "F5: clips whose speakers are seen, shard {wildcards.shard}"
    script:
        "../scripts/speakers/keep_visible.py"


rule crops:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        utterances="<results>/speech/utterances/{shard}/utterances.parquet",
        keep_visible="<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
        tracks="<results>/speakers/tracks/{shard}/tracks.parquet",
        active_speaker="<results>/speakers/active_speaker/{shard}/active_speaker.parquet",
    output:
        crops="<results>/speakers/crops/{shard}/crops.parquet",
    log:
        "<logs>/speakers/crops/{shard}.log",
    benchmark:
        "<benchmarks>/speakers/crops/{shard}.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        settings=settings(CONFIG.speakers.crops),
    message:
        "P4: boxes of the person who speaks each utterance, shard {wildcards.shard}"
    script:
        "../scripts/speakers/crops.py"


rule speakers:
    input:
        expand("<results>/speakers/crops/{shard}/crops.parquet", shard=SHARDS),
    message:
        "Who is seen speaking: tracks, active speakers, crops of every clip"
