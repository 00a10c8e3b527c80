rule ledger:
    input:
        targets=(
            [
                rules.tokenizers.input,
                rules.mars.input,
                rules.table3.output,
                rules.table4.output,
            ]
            if PUBLISHED
            else [
                rules.studio.input,
                rules.speech.input,
                rules.quality.output,
                rules.dataset.input,
                rules.publication.input,
                rules.tokenizers.input,
                rules.mars.input,
                rules.paper.input,
                rules.views.input,
                rules.judge.input,
            ]
        ),
    output:
        table="<results>/provenance/ledger.parquet",
    log:
        "<logs>/provenance/ledger.log",
    benchmark:
        "<benchmarks>/provenance/ledger.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=30,
    message:
        "Provenance: what made each artifact, from what"
    script:
        "../scripts/provenance/ledger.py"


rule cost:
    input:
        ledger="<results>/provenance/ledger.parquet",
        channels="<results>/collect/channels/channels.parquet",
        download=expand(
            "<results>/collect/download/{shard}/download.parquet", shard=SHARDS
        ),
        clips=expand("<results>/collect/clips/{shard}/clips.parquet", shard=SHARDS),
        keep_safe=expand(
            "<results>/dataset/keep_safe/{shard}/keep_safe.parquet", shard=SHARDS
        ),
    output:
        cost="<results>/provenance/cost/cost.json",
        csv=report(
            "<results>/provenance/cost/cost.csv",
            caption="../resources/report/cost.rst",
            category="Cost",
            labels={"table": "by rule", "format": "csv"},
        ),
        md=report(
            "<results>/provenance/cost/cost.md",
            caption="../resources/report/cost.rst",
            category="Cost",
            labels={"table": "by stage", "format": "md"},
        ),
    log:
        "<logs>/provenance/cost.log",
    benchmark:
        "<benchmarks>/provenance/cost.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=30,
    params:
        settings=settings(CONFIG.budget),
    message:
        "Cost: processor and GPU hours, memory and bytes by stage"
    script:
        "../scripts/provenance/cost.py"


rule crate:
    input:
        ledger="<results>/provenance/ledger.parquet",
        snakefile="Snakefile",
    output:
        metadata="<results>/ro-crate-metadata.json",
        workflow="<results>/provenance/Snakefile",
    log:
        "<logs>/provenance/crate.log",
    benchmark:
        "<benchmarks>/provenance/crate.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=30,
    message:
        "Provenance: the run as an RO-Crate"
    script:
        "../scripts/provenance/crate.py"


rule removal:
    input:
        removals=CONFIG.removals or [],
    output:
        removal="<results>/provenance/removal.json",
    log:
        "<logs>/provenance/removal.log",
    benchmark:
        "<benchmarks>/provenance/removal.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    message:
        "Provenance: what is removed from these results"
    script:
        "../scripts/provenance/removal.py"


rule provenance:
    input:
        rules.ledger.output,
        rules.crate.output,
        [] if PUBLISHED else [rules.cost.output, rules.removal.output],
    message:
        "Provenance: the ledger, its crate, the cost"
