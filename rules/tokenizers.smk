# (f) Face and body motion to discrete tokens.


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


rule train_tokenizer:
    input:
        frames="<results>/tokenizers/frames/{part}/frames.npy",
        index="<results>/tokenizers/frames/{part}/index.parquet",
        scale="<results>/tokenizers/frames/{part}/scale.json",
    output:
        model="<results>/tokenizers/train_tokenizer/{part}/model.pt",
        history="<results>/tokenizers/train_tokenizer/{part}/history.csv",
    log:
        "<logs>/tokenizers/train_tokenizer/{part}.log",
    benchmark:
        "<benchmarks>/tokenizers/train_tokenizer/{part}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(6000),
        runtime=2880,
        gpu=1,
    params:
        settings=lambda wildcards: settings(getattr(CONFIG.tokenizers, wildcards.part)),
        training=settings(CONFIG.tokenizers.training),
        seed=CONFIG.seed,
    message:
        "Train the {wildcards.part} tokenizer"
    script:
        "../scripts/tokenizers/train_tokenizer.py"


rule evaluate_tokenizer:
    input:
        frames="<results>/tokenizers/frames/{part}/frames.npy",
        index="<results>/tokenizers/frames/{part}/index.parquet",
        scale="<results>/tokenizers/frames/{part}/scale.json",
        model="<results>/tokenizers/train_tokenizer/{part}/model.pt",
    output:
        metrics="<results>/tokenizers/evaluate_tokenizer/{part}.json",
    log:
        "<logs>/tokenizers/evaluate_tokenizer/{part}.log",
    benchmark:
        "<benchmarks>/tokenizers/evaluate_tokenizer/{part}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=240,
        gpu=1,
    params:
        settings=settings(CONFIG.tokenizers.evaluation),
        seed=CONFIG.seed,
    message:
        "Table 3: what the {wildcards.part} tokenizer loses on the test split"
    script:
        "../scripts/tokenizers/evaluate_tokenizer.py"


rule tokenize:
    input:
        frames="<results>/tokenizers/frames/{part}/frames.npy",
        index="<results>/tokenizers/frames/{part}/index.parquet",
        scale="<results>/tokenizers/frames/{part}/scale.json",
        model="<results>/tokenizers/train_tokenizer/{part}/model.pt",
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
        expand("<results>/tokenizers/evaluate_tokenizer/{part}.json", part=PARTS),
        expand("<results>/tokenizers/tokenize/{part}.parquet", part=PARTS),
        expand("<results>/tokenizers/train_tokenizer/{part}/history.csv", part=PARTS),
    message:
        "The tokenizers: trained, measured, and all motion as tokens"
