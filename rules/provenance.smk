rule ledger:
    input:
        targets=[
            rules.speech.input,
            rules.dataset.input,
            rules.tokenizers.input,
            rules.mars.input,
            rules.paper.input,
        ],
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


rule provenance:
    input:
        rules.ledger.output,
    message:
        "Provenance: the ledger"
