rule fetch_model:
    output:
        folder=directory("<models>/{model}"),
    log:
        "<logs>/models/fetch_model/{model}.log",
    benchmark:
        "<benchmarks>/models/fetch_model/{model}.tsv"
    priority: 100  # what can't be had should be known early
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=120,
        download=1,
    message:
        "Model {wildcards.model}, fetched and verified"
    script:
        "../scripts/models/fetch_model.py"


localrules:
    fetch_model,  # compute nodes often reach no network
