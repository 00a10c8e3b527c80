# (f) Face and body motion to discrete tokens.


wildcard_constraints:
    row=r"[a-z0-9_]+",
    repeat=r"\d+",


rule fetch_records:
    output:
        folder=directory("<results>/tokenizers/fetch_records"),
    log:
        "<logs>/tokenizers/fetch_records.log",
    benchmark:
        "<benchmarks>/tokenizers/fetch_records.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=1440,
        download=1,
    params:
        repository=PUBLISHED and PUBLISHED.repository,
        revision=PUBLISHED and PUBLISHED.revision,
    message:
        "Published records {params.repository}, fetched and verified"
    script:
        "../scripts/tokenizers/fetch_records.py"


rule read_records:
    input:
        folder=(PUBLISHED and PUBLISHED.folder) or "<results>/tokenizers/fetch_records",
    output:
        face="<results>/tokenizers/read_records/{shard}/face.parquet",
        body="<results>/tokenizers/read_records/{shard}/body.parquet",
        words="<results>/tokenizers/read_records/{shard}/words.parquet",
        utterances="<results>/tokenizers/read_records/{shard}/utterances.parquet",
        safety="<results>/tokenizers/read_records/{shard}/safety.parquet",
        keep_utterances="<results>/tokenizers/read_records/{shard}/keep_utterances.parquet",
        records="<results>/tokenizers/read_records/{shard}/records.parquet",
    log:
        "<logs>/tokenizers/read_records/{shard}.log",
    benchmark:
        "<benchmarks>/tokenizers/read_records/{shard}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=120,
    params:
        shards=len(SHARDS),
        backends=step_backends("face", "body"),
    message:
        "Published records as words and cues, shard {wildcards.shard}"
    script:
        "../scripts/tokenizers/read_records.py"


rule split_records:
    input:
        records=expand(
            "<results>/tokenizers/read_records/{shard}/records.parquet",
            shard=SHARDS,
        ),
    output:
        split="<results>/tokenizers/split_records/split.parquet",
        keep_records="<results>/tokenizers/split_records/keep_records.parquet",
    log:
        "<logs>/tokenizers/split_records.log",
    benchmark:
        "<benchmarks>/tokenizers/split_records.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=10,
    params:
        safe=settings(CONFIG.dataset.keep_safe),
        settings=settings(CONFIG.dataset.split),
        seed=CONFIG.seed,
    message:
        "Published splits, with channels of train held out for validation"
    script:
        "../scripts/tokenizers/split_records.py"


localrules:
    fetch_records,  # compute nodes often reach no network


if PUBLISHED:
    CUES = "<results>/tokenizers/read_records/{shard}/{{part}}.parquet"
    SPLIT = "<results>/tokenizers/split_records/split.parquet"
    SPOKEN = SAFETY = "<results>/tokenizers/read_records/{shard}"
else:
    CUES = "<results>/cues/smooth/{shard}/{{part}}.parquet"
    SPLIT = "<results>/dataset/split/split.parquet"
    SPOKEN = "<results>/speech/utterances/{shard}"
    SAFETY = "<results>/dataset/safety/{shard}"


rule frames:
    input:
        cues=expand(CUES, shard=SHARDS),
        split=SPLIT,
    output:
        frames="<results>/tokenizers/frames/{part}/frames.npy",
        index="<results>/tokenizers/frames/{part}/index.parquet",
        scale="<results>/tokenizers/frames/{part}/scale.json",
    log:
        "<logs>/tokenizers/frames/{part}.log",
    benchmark:
        "<benchmarks>/tokenizers/frames/{part}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=240,
    params:
        settings=settings(CONFIG.tokenizers.frames),
        backend=lambda wildcards: STEP_BACKENDS[wildcards.part],
    message:
        "Frames: one array of all {wildcards.part} numbers, its index and its scale"
    script:
        "../scripts/tokenizers/frames.py"


rule joint_frames:
    input:
        face="<results>/tokenizers/frames/face/frames.npy",
        face_index="<results>/tokenizers/frames/face/index.parquet",
        face_scale="<results>/tokenizers/frames/face/scale.json",
        body="<results>/tokenizers/frames/body/frames.npy",
        body_index="<results>/tokenizers/frames/body/index.parquet",
        body_scale="<results>/tokenizers/frames/body/scale.json",
    output:
        frames="<results>/tokenizers/frames/joint/frames.npy",
        index="<results>/tokenizers/frames/joint/index.parquet",
        scale="<results>/tokenizers/frames/joint/scale.json",
    log:
        "<logs>/tokenizers/joint_frames.log",
    benchmark:
        "<benchmarks>/tokenizers/joint_frames.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=240,
    message:
        "Frames: faces and bodies in one array"
    script:
        "../scripts/tokenizers/joint_frames.py"


PROCESSES = CONFIG.tokenizers.training.processes
TRAINED = "<results>/tokenizers/train_tokenizer/{part}/{row}/{repeat}"


rule train_tokenizer:
    input:
        frames="<results>/tokenizers/frames/{part}/frames.npy",
        index="<results>/tokenizers/frames/{part}/index.parquet",
        scale="<results>/tokenizers/frames/{part}/scale.json",
    output:
        model=f"{TRAINED}/model.pt",
        history=f"{TRAINED}/history.csv",
        events=directory(f"{TRAINED}/events"),
    log:
        "<logs>/tokenizers/train_tokenizer/{part}-{row}-{repeat}.log",
    benchmark:
        "<benchmarks>/tokenizers/train_tokenizer/{part}-{row}-{repeat}.tsv"
    wildcard_constraints:
        part="face|body|joint",
    conda:
        "../envs/learning.yaml"
    threads: PROCESSES * CONFIG.tokenizers.training.threads
    resources:
        **gpus(PROCESSES),  # one a process
        mem_mb=memory(6000),
        runtime=2880,
    params:
        settings=lambda wildcards: variant(wildcards.part, wildcards.row)[0],
        training=lambda wildcards: variant(wildcards.part, wildcards.row)[1],
        seed=lambda wildcards: CONFIG.seed + int(wildcards.repeat),
    message:
        "Train the {wildcards.part} tokenizer of table 3's row {wildcards.row}, seed {wildcards.repeat}"
    script:
        "../scripts/tokenizers/train_tokenizer.py"


rule evaluate_tokenizer:
    input:
        frames=of_tokenizer("<results>/tokenizers/frames/{part}/frames.npy"),
        index=of_tokenizer("<results>/tokenizers/frames/{part}/index.parquet"),
        scale=of_tokenizer("<results>/tokenizers/frames/{part}/scale.json"),
        model=of_tokenizer(f"{TRAINED}/model.pt"),
    output:
        metrics="<results>/tokenizers/evaluate_tokenizer/{part}/{row}/{repeat}.json",
        decoded="<results>/tokenizers/evaluate_tokenizer/{part}/{row}/{repeat}.parquet",
    log:
        "<logs>/tokenizers/evaluate_tokenizer/{part}-{row}-{repeat}.log",
    benchmark:
        "<benchmarks>/tokenizers/evaluate_tokenizer/{part}-{row}-{repeat}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        **gpus(1),
        mem_mb=memory(4000),
        runtime=240,
    params:
        settings=settings(CONFIG.tokenizers.evaluation),
        models=CONFIG.models,
        seed=CONFIG.seed,
    message:
        "Table 3, row {wildcards.row}: what the {wildcards.part} tokenizer of seed {wildcards.repeat} loses"
    script:
        "../scripts/tokenizers/evaluate_tokenizer.py"


rule tokenize:
    input:
        frames="<results>/tokenizers/frames/{part}/frames.npy",
        index="<results>/tokenizers/frames/{part}/index.parquet",
        scale="<results>/tokenizers/frames/{part}/scale.json",
        model="<results>/tokenizers/train_tokenizer/{part}/ours/0/model.pt",
    output:
        tokens="<results>/tokenizers/tokenize/{part}.parquet",
    log:
        "<logs>/tokenizers/tokenize/{part}.log",
    benchmark:
        "<benchmarks>/tokenizers/tokenize/{part}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        **gpus(1),
        mem_mb=memory(4000),
        runtime=720,
    message:
        "Every {wildcards.part} of the dataset as tokens"
    script:
        "../scripts/tokenizers/tokenize.py"


rule codebooks:
    input:
        face=measured("face"),
        body=measured("body"),
    output:
        png=report(
            "<results>/tokenizers/codebooks/codebooks.png",
            caption="../resources/report/codebooks.rst",
            category="Tokenizers",
            labels={"figure": "codebooks", "format": "png"},
        ),
        pdf="<results>/tokenizers/codebooks/codebooks.pdf",
    log:
        "<logs>/tokenizers/codebooks.log",
    benchmark:
        "<benchmarks>/tokenizers/codebooks.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        rows=table3_rows(),
        trained={part: CONFIG.tokenizers.trained(part) for part in PARTS},
    message:
        "How often each code is used"
    script:
        "../scripts/tokenizers/codebooks.py"


rule reconstruction:
    input:
        face=measured("face"),
        body=measured("body"),
        face_decoded="<results>/tokenizers/evaluate_tokenizer/face/ours/0.parquet",
        body_decoded="<results>/tokenizers/evaluate_tokenizer/body/ours/0.parquet",
    output:
        png=report(
            "<results>/tokenizers/reconstruction/reconstruction.png",
            caption="../resources/report/reconstruction.rst",
            category="Tokenizers",
            labels={"figure": "reconstruction", "format": "png"},
        ),
        pdf="<results>/tokenizers/reconstruction/reconstruction.pdf",
    log:
        "<logs>/tokenizers/reconstruction.log",
    benchmark:
        "<benchmarks>/tokenizers/reconstruction.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        rows=table3_rows(),
        trained={part: CONFIG.tokenizers.trained(part) for part in PARTS},
    message:
        "What comes back of motion through tokens"
    script:
        "../scripts/tokenizers/reconstruction.py"


rule tokenizers:
    input:
        rules.codebooks.output,
        rules.reconstruction.output,
        *(measured(part) for part in PARTS),
        expand("<results>/tokenizers/tokenize/{part}.parquet", part=PARTS),
    message:
        "The tokenizers: trained, measured and drawn, and all motion as tokens"
