rule face:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media="<results>/collect/clips/{shard}/media",
        keep_visible="<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
        crops="<results>/speakers/crops/{shard}/crops.parquet",
        instrument="resources/open_face_instrument.npz",
        models=models(CONFIG.cues.face),
    output:
        face="<results>/cues/face/{shard}/face.parquet",
    log:
        "<logs>/cues/face/{shard}.log",
    benchmark:
        "<benchmarks>/cues/face/{shard}.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        **gpus(CONFIG.cues.face.gpus),
        mem_mb=memory(4000),
        runtime=480,
    params:
        settings=settings(CONFIG.cues.face),
    message:
        "P6: faces of those who speak, shard {wildcards.shard}"
    script:
        "../scripts/cues/face.py"


rule body:
    input:
        clips="<results>/collect/clips/{shard}/clips.parquet",
        media="<results>/collect/clips/{shard}/media",
        keep_visible="<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
        crops="<results>/speakers/crops/{shard}/crops.parquet",
        face="<results>/cues/face/{shard}/face.parquet",
        instrument="resources/body_instrument.npz",
        models=models(CONFIG.cues.body),
    output:
        body="<results>/cues/body/{shard}/body.parquet",
    log:
        "<logs>/cues/body/{shard}.log",
    benchmark:
        "<benchmarks>/cues/body/{shard}.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        **gpus(CONFIG.cues.body.gpus),
        mem_mb=memory(3000),
        runtime=1440,
    params:
        settings=settings(CONFIG.cues.body),
    message:
        "P5: bodies and hands of those who speak, shard {wildcards.shard}"
    script:
        "../scripts/cues/body.py"


rule smooth:
    input:
        keep_visible="<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
        raw_face="<results>/cues/face/{shard}/face.parquet",
        raw_body="<results>/cues/body/{shard}/body.parquet",
    output:
        face="<results>/cues/smooth/{shard}/face.parquet",
        body="<results>/cues/smooth/{shard}/body.parquet",
        quality="<results>/cues/smooth/{shard}/quality.parquet",
    log:
        "<logs>/cues/smooth/{shard}.log",
    benchmark:
        "<benchmarks>/cues/smooth/{shard}.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=60,
    params:
        settings=settings(CONFIG.cues.smooth),
    message:
        "Smoothing of faces and bodies, shard {wildcards.shard}"
    script:
        "../scripts/cues/smooth.py"


rule quality:
    input:
        smooth=expand("<results>/cues/smooth/{shard}/quality.parquet", shard=SHARDS),
    output:
        csv=report(
            "<results>/cues/quality/quality.csv",
            caption="../resources/report/quality.rst",
            category="Cues",
            labels={"table": "jitter", "format": "csv"},
        ),
        md=report(
            "<results>/cues/quality/quality.md",
            caption="../resources/report/quality.rst",
            category="Cues",
            labels={"table": "jitter", "format": "md"},
        ),
        png=report(
            "<results>/cues/quality/quality.png",
            caption="../resources/report/quality.rst",
            category="Cues",
            labels={"figure": "jitter", "format": "png"},
        ),
        pdf="<results>/cues/quality/quality.pdf",
    log:
        "<logs>/cues/quality.log",
    benchmark:
        "<benchmarks>/cues/quality.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=20,
    params:
        method=CONFIG.cues.smooth.method,
    message:
        "Jitter of faces and bodies before and after smoothing"
    script:
        "../scripts/cues/quality.py"


rule cues:
    input:
        rules.quality.output,
        expand(
            "<results>/cues/smooth/{shard}/{part}.parquet",
            shard=SHARDS,
            part=PARTS,
        ),
    message:
        "Face and body of whoever speaks, a vector a frame"
