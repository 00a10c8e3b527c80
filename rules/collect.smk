# A source is a URL, or a file or folder whose change (also of a folder inside it) lists anew.
SOURCES = CONFIG.source_list
LOCAL_SOURCES = [
    str(path)
    for source in [one if isinstance(one, str) else one.folder for one in SOURCES]
    if "://" not in source
    for path in [
        Path(source),
        *sorted(inner for inner in Path(source).rglob("*") if inner.is_dir()),
    ]
]


rule channels:
    input:
        local=videos_only(LOCAL_SOURCES),
    output:
        sources="<results>/collect/channels/sources.parquet",
        channels="<results>/collect/channels/channels.parquet",
        videos=expand("<results>/collect/channels/{shard}.parquet", shard=SHARDS),
    log:
        "<logs>/collect/channels.log",
    benchmark:
        "<benchmarks>/collect/channels.tsv"
    conda:
        "../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=720,
        download=1,
    params:
        listed=[one if isinstance(one, str) else settings(one) for one in SOURCES],
        settings=settings(CONFIG.collect.channels),
        network=settings(CONFIG.collect.network),
    message:
        "Listing the videos of {params.listed}"
    script:
        "../scripts/collect/channels.py"


rule thumbnails:
    input:
        videos="<results>/collect/channels/{shard}.parquet",
    output:
        thumbnails="<results>/collect/thumbnails/{shard}/thumbnails.parquet",
    log:
        "<logs>/collect/thumbnails/{shard}.log",
    benchmark:
        "<benchmarks>/collect/thumbnails/{shard}.tsv"
    conda:
        "../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=120,
        download=1,
    params:
        settings=settings(CONFIG.collect.thumbnails),
        network=settings(CONFIG.collect.network),
    message:
        "F1 measure: people in the thumbnails, shard {wildcards.shard}"
    script:
        "../scripts/collect/thumbnails.py"


rule keep_people:
    input:
        thumbnails="<results>/collect/thumbnails/{shard}/thumbnails.parquet",
    output:
        keep_people="<results>/collect/keep_people/{shard}/keep_people.parquet",
    log:
        "<logs>/collect/keep_people/{shard}.log",
    benchmark:
        "<benchmarks>/collect/keep_people/{shard}.tsv"
    conda:
        "../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=10,
    params:
        settings=settings(CONFIG.collect.keep_people),
    message:
        "F1 decide: thumbnails that show people, shard {wildcards.shard}"
    script:
        "../scripts/collect/keep_people.py"


rule download:
    input:
        videos="<results>/collect/channels/{shard}.parquet",
        people="<results>/collect/keep_people/{shard}/keep_people.parquet",
    output:
        download="<results>/collect/download/{shard}/download.parquet",
        media=directory("<results>/collect/download/{shard}/media"),
    log:
        "<logs>/collect/download/{shard}.log",
    benchmark:
        "<benchmarks>/collect/download/{shard}.tsv"
    conda:
        "../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=1440,
        download=1,
    params:
        settings=settings(CONFIG.collect.download),
        network=settings(CONFIG.collect.network),
    message:
        "Downloading media and captions, shard {wildcards.shard}"
    script:
        "../scripts/collect/download.py"


rule clips:
    input:
        download="<results>/collect/download/{shard}/download.parquet",
        downloaded="<results>/collect/download/{shard}/media",
        sides=studio("sides/{shard}/sides.parquet"),
    output:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media=directory("<results>/collect/clips/{shard}/media"),
    log:
        "<logs>/collect/clips/{shard}.log",
    benchmark:
        "<benchmarks>/collect/clips/{shard}.tsv"
    conda:
        "../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=1440,
    params:
        settings=settings(CONFIG.collect.clips),
    message:
        "P1, F2: cutting clips, shard {wildcards.shard}"
    script:
        "../scripts/collect/clips.py"


rule collect:
    input:
        expand("<results>/collect/clips/{shard}/clips.parquet", shard=SHARDS),
    localrule: True
    message:
        "Clips of every shard are cut"
