# Sizes of the codebooks: how many FACE and BODY tokens the language model gets.
CODES = {
    f"{part}_codes": getattr(CONFIG.tokenizers, part).codebook.size for part in PARTS
}
SPLITS = ("train", "validation", "test")
MARS_LENGTH = CONFIG.mars.training.length
# Row and repeat as in table 3: which records it was trained on, and with which seed; ours 0 is what generates.
TRAINED_MARS = "<results>/mars/train_mars/{row}/{repeat}"
MARS = "<results>/mars/train_mars/ours/0/model"
MARS_PROCESSES = CONFIG.mars.training.processes  # on a node, one a GPU
MARS_NODES = CONFIG.mars.training.nodes


rule sequences:
    input:
        words=expand(f"{SPOKEN}/words.parquet", shard=SHARDS),
        utterances=expand(f"{SPOKEN}/utterances.parquet", shard=SHARDS),
        safety=expand(f"{SAFETY}/safety.parquet", shard=SHARDS),
        face="<results>/tokenizers/tokenize/face.parquet",
        body="<results>/tokenizers/tokenize/body.parquet",
        split=SPLIT,
    output:
        train="<results>/mars/sequences/train.jsonl",
        validation="<results>/mars/sequences/validation.jsonl",
        test="<results>/mars/sequences/test.jsonl",
        tables=expand(
            "<results>/mars/sequences/{split}.parquet",
            split=SPLITS,
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


rule ablate:
    input:
        records=expand("<results>/mars/sequences/{split}.jsonl", split=SPLITS),
    output:
        ablated=expand("<results>/mars/ablate/{{row}}/{split}.jsonl", split=SPLITS),
    log:
        "<logs>/mars/ablate/{row}.log",
    benchmark:
        "<benchmarks>/mars/ablate/{row}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        seed=CONFIG.seed,
    message:
        "Records of table 4's row {wildcards.row}"
    script:
        "../scripts/mars/ablate.py"


rule train_mars:
    input:
        base="<results>/mars/base/model",
        train=records_of("train"),
        validation=records_of("validation"),
    output:
        model=directory(f"{TRAINED_MARS}/model"),
        history=f"{TRAINED_MARS}/history.csv",
        speed=f"{TRAINED_MARS}/speed.csv",
        examples=f"{TRAINED_MARS}/examples.parquet",
    log:
        "<logs>/mars/train_mars/{row}-{repeat}.log",
    benchmark:
        "<benchmarks>/mars/train_mars/{row}-{repeat}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: MARS_PROCESSES * CONFIG.mars.training.threads
    resources:
        **gpus(MARS_PROCESSES, MARS_NODES),  # one a process
        mem_mb=memory(
            MARS_PROCESSES * (3000 if CONFIG.mars.base.name == "tiny" else 48000)
        ),
        runtime=7200,
    params:
        settings=settings(CONFIG.mars.training),
        seed=lambda wildcards: CONFIG.seed + int(wildcards.repeat),
    message:
        "Train MARS on the records of table 4's row {wildcards.row}, seed {wildcards.repeat}"
    script:
        "../scripts/mars/train_mars.py"


rule generate:
    input:
        base="<results>/mars/base/model",
        model=MARS,
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
        **gpus(1),
        mem_mb=memory(2000 if CONFIG.mars.base.name == "tiny" else 24000),
        runtime=480,
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
        model=MARS,
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
        **gpus(1),
        mem_mb=memory(3000 if CONFIG.mars.base.name == "tiny" else 32000),
        runtime=240,
    params:
        **CODES,
        settings=settings(CONFIG.mars.evaluation),
        length=MARS_LENGTH,
        seed=CONFIG.seed,
    message:
        "Table 4: perplexity and NLL of MARS beside uniform and unigram guesses"
    script:
        "../scripts/mars/evaluate_mars.py"


rule evaluate_motion:
    input:
        generated="<results>/mars/generate/generated.jsonl",
        test="<results>/mars/sequences/test.jsonl",
        frames=expand("<results>/tokenizers/frames/{part}/frames.npy", part=PARTS),
        index=expand("<results>/tokenizers/frames/{part}/index.parquet", part=PARTS),
        scale=expand("<results>/tokenizers/frames/{part}/scale.json", part=PARTS),
        models=expand(
            "<results>/tokenizers/train_tokenizer/{part}/ours/0/model.pt", part=PARTS
        ),
    output:
        metrics="<results>/mars/evaluate_motion/metrics.json",
    log:
        "<logs>/mars/evaluate_motion.log",
    benchmark:
        "<benchmarks>/mars/evaluate_motion.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        **gpus(1),
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings(CONFIG.mars.evaluation),
        seed=CONFIG.seed,
    message:
        "Table 4: the motion of answers, decoded, beside the true answers'"
    script:
        "../scripts/mars/evaluate_motion.py"


rule evaluate_ablation:
    input:
        model=f"{TRAINED_MARS}/model",
        test=records_of("test"),
    output:
        metrics="<results>/mars/evaluate_ablation/{row}/{repeat}.json",
    log:
        "<logs>/mars/evaluate_ablation/{row}-{repeat}.log",
    benchmark:
        "<benchmarks>/mars/evaluate_ablation/{row}-{repeat}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        **gpus(1),
        mem_mb=memory(3000 if CONFIG.mars.base.name == "tiny" else 32000),
        runtime=240,
    params:
        settings=settings(CONFIG.mars.evaluation),
        length=MARS_LENGTH,
        seed=CONFIG.seed,
    message:
        "Table 4, row {wildcards.row}: the NLL of seed {wildcards.repeat}"
    script:
        "../scripts/mars/evaluate_ablation.py"


ABLATIONS = expand(
    "<results>/mars/evaluate_ablation/{row}/{repeat}.json",
    row=("ours", *CONFIG.mars.ablations.rows),
    repeat=range(CONFIG.mars.ablations.repeats),
)


rule mars:
    input:
        rules.evaluate_mars.output,
        rules.evaluate_motion.output,
        ABLATIONS,
    message:
        "MARS is trained and scored"
