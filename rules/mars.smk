# Sizes of the codebooks: how many FACE and BODY tokens the language model gets.
CODES = {
    f"{part}_codes": getattr(CONFIG.tokenizers, part).codebook.size for part in PARTS
}
MARS_LENGTH = CONFIG.mars.training.length


rule sequences:
    input:
        words=expand("<results>/speech/utterances/{shard}/words.parquet", shard=SHARDS),
        utterances=expand(
            "<results>/speech/utterances/{shard}/utterances.parquet", shard=SHARDS
        ),
        safety=expand("<results>/dataset/safety/{shard}/safety.parquet", shard=SHARDS),
        face="<results>/tokenizers/tokenize/face.parquet",
        body="<results>/tokenizers/tokenize/body.parquet",
        split="<results>/dataset/split/split.parquet",
    output:
        train="<results>/mars/sequences/train.jsonl",
        validation="<results>/mars/sequences/validation.jsonl",
        test="<results>/mars/sequences/test.jsonl",
        tables=expand(
            "<results>/mars/sequences/{split}.parquet",
            split=("train", "validation", "test"),
        ),
        answers="<results>/mars/sequences/answers.parquet",
    log:
        "<logs>/mars/sequences.log",
    benchmark:
        "<benchmarks>/mars/sequences.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=240,
    params:
        **CODES,
        settings=settings(CONFIG.mars.sequences),
    message:
        "Words, face and body tokens in one sequence, as chat records"
    script:
        "../scripts/mars/sequences.py"


rule base:
    input:
        train="<results>/mars/sequences/train.jsonl",
        models=models(CONFIG.mars.base),
        codebooks=(
            expand(
                "<results>/tokenizers/train_tokenizer/{part}/ours/0/model.pt",
                part=PARTS,
            )
            if CONFIG.mars.base.new_rows == "codebook"
            else []
        ),
    output:
        model=directory("<results>/mars/base/model"),
        record="<results>/mars/base/base.json",
    log:
        "<logs>/mars/base.log",
    benchmark:
        "<benchmarks>/mars/base.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000 if CONFIG.mars.base.name == "tiny" else 24000),
        runtime=60,
    params:
        **CODES,
        settings=settings(CONFIG.mars.base),
        turn_marks=CONFIG.mars.sequences.turn_marks,
        length=MARS_LENGTH,
        seed=CONFIG.seed,
    message:
        f"The language model MARS starts from: {CONFIG.mars.base.name}"
    script:
        "../scripts/mars/base.py"


rule train_mars:
    input:
        base="<results>/mars/base/model",
        train="<results>/mars/sequences/train.jsonl",
        validation="<results>/mars/sequences/validation.jsonl",
    output:
        model=directory("<results>/mars/train_mars/model"),
        history="<results>/mars/train_mars/history.csv",
        examples="<results>/mars/train_mars/examples.parquet",
    log:
        "<logs>/mars/train_mars.log",
    benchmark:
        "<benchmarks>/mars/train_mars.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000 if CONFIG.mars.base.name == "tiny" else 48000),
        runtime=7200,
        gpu=1,
    params:
        settings=settings(CONFIG.mars.training),
        seed=CONFIG.seed,
    message:
        "Training MARS"
    script:
        "../scripts/mars/train_mars.py"


rule generate:
    input:
        base="<results>/mars/base/model",
        model="<results>/mars/train_mars/model",
        test="<results>/mars/sequences/test.jsonl",
    output:
        generated="<results>/mars/generate/generated.jsonl",
    log:
        "<logs>/mars/generate.log",
    benchmark:
        "<benchmarks>/mars/generate.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000 if CONFIG.mars.base.name == "tiny" else 24000),
        runtime=480,
        gpu=1,
    params:
        settings=settings(CONFIG.mars.evaluation),
        length=MARS_LENGTH,
        seed=CONFIG.seed,
    message:
        "Answers of MARS to test prompts, before and after training"
    script:
        "../scripts/mars/generate.py"


rule evaluate_mars:
    input:
        base="<results>/mars/base/model",
        model="<results>/mars/train_mars/model",
        train="<results>/mars/sequences/train.jsonl",
        test="<results>/mars/sequences/test.jsonl",
        generated="<results>/mars/generate/generated.jsonl",
    output:
        metrics="<results>/mars/evaluate_mars/metrics.json",
    log:
        "<logs>/mars/evaluate_mars.log",
    benchmark:
        "<benchmarks>/mars/evaluate_mars.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000 if CONFIG.mars.base.name == "tiny" else 32000),
        runtime=240,
        gpu=1,
    params:
        **CODES,
        settings=settings(CONFIG.mars.evaluation),
        length=MARS_LENGTH,
        seed=CONFIG.seed,
    message:
        "Table 4: perplexity and NLL of MARS beside uniform and unigram guesses"
    script:
        "../scripts/mars/evaluate_mars.py"


rule mars:
    input:
        rules.evaluate_mars.output,
    message:
        "MARS is trained and scored"
