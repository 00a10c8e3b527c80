# (f) Face and body motion to discrete tokens.


wildcard_constraints:
    row=r"[a-z0-9_]+",
    repeat=r"\d+",


rule frames:
    input:
        cues=expand("<results>/cues/smooth/{shard}/{{part}}.parquet", shard=SHARDS),
        split="<results>/dataset/split/split.parquet",
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
        backend=lambda wildcards: getattr(CONFIG.cues, wildcards.part).backend,
    message:
        "Frames: one array of all {wildcards.part} numbers, its index and its scale"
    script:
        "../scripts/tokenizers/frames.py"


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
    conda:
        "../envs/learning.yaml"
    threads: PROCESSES * CONFIG.tokenizers.training.threads
    resources:
        mem_mb=memory(6000),
        runtime=2880,
        gpu=1 * PROCESSES,  # one a process
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
        frames="<results>/tokenizers/frames/{part}/frames.npy",
        index="<results>/tokenizers/frames/{part}/index.parquet",
        scale="<results>/tokenizers/frames/{part}/scale.json",
        model=f"{TRAINED}/model.pt",
    output:
        metrics="<results>/tokenizers/evaluate_tokenizer/{part}/{row}/{repeat}.json",
    log:
        "<logs>/tokenizers/evaluate_tokenizer/{part}-{row}-{repeat}.log",
    benchmark:
        "<benchmarks>/tokenizers/evaluate_tokenizer/{part}-{row}-{repeat}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=240,
        gpu=1,
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
        mem_mb=memory(4000),
        runtime=720,
        gpu=1,
    message:
        "Every {wildcards.part} of the dataset as tokens"
    script:
        "../scripts/tokenizers/tokenize.py"


rule tokenizers:
    input:
        *(measured(part) for part in PARTS),
        expand("<results>/tokenizers/tokenize/{part}.parquet", part=PARTS),
    message:
        "The tokenizers: trained, measured, and all motion as tokens"
