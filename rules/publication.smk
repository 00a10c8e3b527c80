# (e) The dataset as it is given away: columns that licences allow, card, metadata; uploaded when that is asked for.


rule columns:
    input:
        records=expand(
            "<results>/dataset/records/{shard}/{split}.parquet",
            shard=SHARDS,
            split=["train", "validation", "test"],
        ),
        models="resources/models.yaml",
    output:
        columns="<results>/publication/columns/columns.json",
    log:
        "<logs>/publication/columns.log",
    benchmark:
        "<benchmarks>/publication/columns.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        chosen=column_models(),
    message:
        "Publication: the columns that their models' licences allow"
    script:
        "../scripts/publication/columns.py"


rule export:
    input:
        records=expand(
            "<results>/dataset/records/{{shard}}/{split}.parquet",
            split=["train", "validation", "test"],
        ),
        columns="<results>/publication/columns/columns.json",
    output:
        files=published_files("{shard}"),
    log:
        "<logs>/publication/export/{shard}.log",
    benchmark:
        "<benchmarks>/publication/export/{shard}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=120,
    message:
        "Publication: records without what may not be published, shard {wildcards.shard}"
    script:
        "../scripts/publication/export.py"


rule facts:
    input:
        columns="<results>/publication/columns/columns.json",
        statistics="<results>/dataset/statistics/statistics.json",
        funnel="<results>/dataset/funnel/funnel.parquet",
        split="<results>/dataset/split/split.parquet",
        quality="<results>/cues/quality/quality.csv",
        download=expand(
            "<results>/collect/download/{shard}/download.parquet", shard=SHARDS
        ),
        words=expand("<results>/speech/utterances/{shard}/words.parquet", shard=SHARDS),
        languages=expand(
            "<results>/speech/transcribe/{shard}/languages.parquet", shard=SHARDS
        ),
        safety=expand("<results>/dataset/safety/{shard}/safety.parquet", shard=SHARDS),
        statements="resources/publication/statements.yaml",
    output:
        facts="<results>/publication/facts/facts.json",
    log:
        "<logs>/publication/facts.log",
    benchmark:
        "<benchmarks>/publication/facts.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        backends=step_backends(
            "thumbnails",
            "diarize",
            "transcribe",
            "tracks",
            "active_speaker",
            "face",
            "body",
            "safety",
        ),
        settings=settings(CONFIG.publication),
    message:
        "Publication: what is to be said of the dataset, counted"
    script:
        "../scripts/publication/facts.py"


rule card:
    input:
        facts="<results>/publication/facts/facts.json",
        files=published_files(SHARDS),
        template="resources/publication/card.md",
    output:
        card="<results>/publication/export/README.md",
    log:
        "<logs>/publication/card.log",
    benchmark:
        "<benchmarks>/publication/card.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=10,
    message:
        "Publication: the dataset card"
    script:
        "../scripts/publication/card.py"


rule croissant:
    input:
        facts="<results>/publication/facts/facts.json",
        files=published_files(SHARDS),
    output:
        croissant="<results>/publication/export/croissant.json",
    log:
        "<logs>/publication/croissant.log",
    benchmark:
        "<benchmarks>/publication/croissant.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=10,
    message:
        "Publication: Croissant metadata, checked"
    script:
        "../scripts/publication/croissant.py"


rule publication:
    input:
        rules.card.output,
        rules.croissant.output,
        published_files(SHARDS),
    message:
        "The dataset as it is given away: Parquet files, card, metadata; on this machine"


# No target needs what it makes: nothing is uploaded unless `snakemake push` is asked for.
rule push:
    input:
        card="<results>/publication/export/README.md",
        croissant="<results>/publication/export/croissant.json",
        files=published_files(SHARDS),
    output:
        pushed="<results>/publication/push/pushed.json",
    log:
        "<logs>/publication/push.log",
    benchmark:
        "<benchmarks>/publication/push.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=600,
    params:
        settings=settings(CONFIG.publication),
    message:
        "Publication: upload to the hub"
    script:
        "../scripts/publication/push.py"


localrules:
    push,  # compute nodes often reach no network
