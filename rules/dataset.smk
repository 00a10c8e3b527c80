# (e) What is safe, who is in which split, the published records, and the counts.

# Who made which fields of the records: goes into their metadata.
BACKENDS = {
    "safety": CONFIG.dataset.safety.backend,
    "facial_expression": CONFIG.cues.face.backend,
    "body_language": CONFIG.cues.body.backend,
}


rule safety:
    input:
        utterances="<results>/speech/utterances/{shard}/utterances.parquet",
        keep_visible="<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
        phrases=CONFIG.dataset.safety.phrases,
    output:
        safety="<results>/dataset/safety/{shard}/safety.parquet",
    log:
        "<logs>/dataset/safety/{shard}.log",
    benchmark:
        "<benchmarks>/dataset/safety/{shard}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        settings=settings(CONFIG.dataset.safety),
    message:
        "Safety: score each utterance, shard {wildcards.shard}"
    script:
        "../scripts/dataset/safety.py"


rule keep_safe:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        keep_visible="<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
        safety="<results>/dataset/safety/{shard}/safety.parquet",
    output:
        keep_safe="<results>/dataset/keep_safe/{shard}/keep_safe.parquet",
    log:
        "<logs>/dataset/keep_safe/{shard}.log",
    benchmark:
        "<benchmarks>/dataset/keep_safe/{shard}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        settings=settings(CONFIG.dataset.keep_safe),
    message:
        "Drop videos with too much harmful speech, shard {wildcards.shard}"
    script:
        "../scripts/dataset/keep_safe.py"


rule split:
    input:
        clips=expand("<results>/collect/clips/{shard}/clips.parquet", shard=SHARDS),
        keep_safe=expand(
            "<results>/dataset/keep_safe/{shard}/keep_safe.parquet", shard=SHARDS
        ),
        persons=CONFIG.dataset.split.persons or [],
    output:
        split="<results>/dataset/split/split.parquet",
    log:
        "<logs>/dataset/split.log",
    benchmark:
        "<benchmarks>/dataset/split.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=10,
    params:
        settings=settings(CONFIG.dataset.split),
        seed=CONFIG.seed,
    message:
        "Train, validation and test: no channel and no known person in two of them"
    script:
        "../scripts/dataset/split.py"


rule records:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        words="<results>/speech/utterances/{shard}/words.parquet",
        utterances="<results>/speech/utterances/{shard}/utterances.parquet",
        crops="<results>/speakers/crops/{shard}/crops.parquet",
        face="<results>/cues/smooth/{shard}/face.parquet",
        body="<results>/cues/smooth/{shard}/body.parquet",
        safety="<results>/dataset/safety/{shard}/safety.parquet",
        split="<results>/dataset/split/split.parquet",
    output:
        train="<results>/dataset/records/{shard}/train.parquet",
        validation="<results>/dataset/records/{shard}/validation.parquet",
        test="<results>/dataset/records/{shard}/test.parquet",
    log:
        "<logs>/dataset/records/{shard}.log",
    benchmark:
        "<benchmarks>/dataset/records/{shard}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=120,
    params:
        backends=BACKENDS,
    message:
        "VENUS records, shard {wildcards.shard}"
    script:
        "../scripts/dataset/records.py"


rule statistics:
    input:
        utterances=expand(
            "<results>/speech/utterances/{shard}/utterances.parquet", shard=SHARDS
        ),
        words=expand("<results>/speech/utterances/{shard}/words.parquet", shard=SHARDS),
        face=expand("<results>/cues/smooth/{shard}/face.parquet", shard=SHARDS),
        body=expand("<results>/cues/smooth/{shard}/body.parquet", shard=SHARDS),
        split="<results>/dataset/split/split.parquet",
    output:
        statistics="<results>/dataset/statistics/statistics.json",
    log:
        "<logs>/dataset/statistics.log",
    benchmark:
        "<benchmarks>/dataset/statistics.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        backends=BACKENDS,
    message:
        "Table 2: count what the dataset holds"
    script:
        "../scripts/dataset/statistics.py"


rule funnel:
    input:
        sources="<results>/collect/channels/sources.parquet",
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
    output:
        funnel="<results>/dataset/funnel/funnel.parquet",
    log:
        "<logs>/dataset/funnel.log",
    benchmark:
        "<benchmarks>/dataset/funnel.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=10,
    message:
        "The funnel: in = kept + dropped, for each filter"
    script:
        "../scripts/dataset/funnel.py"


rule dataset:
    input:
        expand(
            "<results>/dataset/records/{shard}/{split}.parquet",
            shard=SHARDS,
            split=["train", "validation", "test"],
        ),
        rules.statistics.output,
        rules.funnel.output,
    message:
        "The dataset: VENUS records by split, statistics, funnel"
