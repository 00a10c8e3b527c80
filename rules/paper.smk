# (h) The paper's tables and figures from this run, the published numbers beside ours.


rule table1:
    input:
        statistics="<results>/dataset/statistics/statistics.json",
        published_csv="resources/paper/table1.csv",
    output:
        csv=report(
            "<results>/paper/table1.csv",
            caption="../resources/report/table1.rst",
            category="Tables",
            labels={"table": "1", "format": "csv"},
        ),
        md=report(
            "<results>/paper/table1.md",
            caption="../resources/report/table1.rst",
            category="Tables",
            labels={"table": "1", "format": "md"},
        ),
        tex="<results>/paper/table1.tex",
    log:
        "<logs>/paper/table1.log",
    benchmark:
        "<benchmarks>/paper/table1.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        length_s=CONFIG.collect.clips.length_s,
        backends=step_backends(
            "thumbnails",
            "diarize",
            "transcribe",
            "tracks",
            "active_speaker",
            "face",
            "body",
            "safety",
        ),
    message:
        "Table 1: the dataset beside others"
    script:
        "../scripts/paper/table1.py"


rule table2:
    input:
        statistics="<results>/dataset/statistics/statistics.json",
        published_csv="resources/paper/table2.csv",
    output:
        csv=report(
            "<results>/paper/table2.csv",
            caption="../resources/report/table2.rst",
            category="Tables",
            labels={"table": "2", "format": "csv"},
        ),
        md=report(
            "<results>/paper/table2.md",
            caption="../resources/report/table2.rst",
            category="Tables",
            labels={"table": "2", "format": "md"},
        ),
        tex="<results>/paper/table2.tex",
    log:
        "<logs>/paper/table2.log",
    benchmark:
        "<benchmarks>/paper/table2.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        backends=step_backends(
            "thumbnails",
            "diarize",
            "transcribe",
            "tracks",
            "active_speaker",
            "face",
            "body",
            "safety",
        ),
    message:
        "Table 2: what the dataset holds"
    script:
        "../scripts/paper/table2.py"


rule table3:
    input:
        face=measured("face"),
        body=measured("body"),
        published_csv="resources/paper/table3.csv",
    output:
        csv=report(
            "<results>/paper/table3.csv",
            caption="../resources/report/table3.rst",
            category="Tables",
            labels={"table": "3", "format": "csv"},
        ),
        md=report(
            "<results>/paper/table3.md",
            caption="../resources/report/table3.rst",
            category="Tables",
            labels={"table": "3", "format": "md"},
        ),
        tex="<results>/paper/table3.tex",
    log:
        "<logs>/paper/table3.log",
    benchmark:
        "<benchmarks>/paper/table3.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        rows=table3_rows(),
        trained={part: CONFIG.tokenizers.trained(part) for part in PARTS},
        backends=step_backends("face", "body"),
    message:
        "Table 3: what the tokenizers lose"
    script:
        "../scripts/paper/table3.py"


rule table4:
    input:
        metrics="<results>/mars/evaluate_mars/metrics.json",
        motion="<results>/mars/evaluate_motion/metrics.json",
        ablations=ABLATIONS,
        published_csv="resources/paper/table4.csv",
    output:
        csv=report(
            "<results>/paper/table4.csv",
            caption="../resources/report/table4.rst",
            category="Tables",
            labels={"table": "4", "format": "csv"},
        ),
        md=report(
            "<results>/paper/table4.md",
            caption="../resources/report/table4.rst",
            category="Tables",
            labels={"table": "4", "format": "md"},
        ),
        tex="<results>/paper/table4.tex",
    log:
        "<logs>/paper/table4.log",
    benchmark:
        "<benchmarks>/paper/table4.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        base=CONFIG.mars.base.name,
        backends=step_backends("transcribe", "face", "body", "base"),
    message:
        "Table 4: MARS against its base model"
    script:
        "../scripts/paper/table4.py"


rule table5:
    input:
        train="<results>/mars/sequences/train.parquet",
    output:
        csv=report(
            "<results>/paper/table5.csv",
            caption="../resources/report/table5.rst",
            category="Tables",
            labels={"table": "5", "format": "csv"},
        ),
        md=report(
            "<results>/paper/table5.md",
            caption="../resources/report/table5.rst",
            category="Tables",
            labels={"table": "5", "format": "md"},
        ),
        tex="<results>/paper/table5.tex",
    log:
        "<logs>/paper/table5.log",
    benchmark:
        "<benchmarks>/paper/table5.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        loss=CONFIG.mars.training.loss,
    message:
        "Table 5: what MARS is trained on"
    script:
        "../scripts/paper/table5.py"


rule inconsistencies:
    input:
        statistics="<results>/dataset/statistics/statistics.json",
        metrics="<results>/mars/evaluate_mars/metrics.json",
        published_csv=[f"resources/paper/table{table}.csv" for table in (1, 2, 4)],
    output:
        csv=report(
            "<results>/paper/inconsistencies.csv",
            caption="../resources/report/inconsistencies.rst",
            category="Tables",
            labels={"table": "inconsistencies", "format": "csv"},
        ),
        md=report(
            "<results>/paper/inconsistencies.md",
            caption="../resources/report/inconsistencies.rst",
            category="Tables",
            labels={"table": "inconsistencies", "format": "md"},
        ),
        tex="<results>/paper/inconsistencies.tex",
    log:
        "<logs>/paper/inconsistencies.log",
    benchmark:
        "<benchmarks>/paper/inconsistencies.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        length_s=CONFIG.collect.clips.length_s,
        window=CONFIG.tokenizers.training.window,
    message:
        "What does not add up in the paper"
    script:
        "../scripts/paper/inconsistencies.py"


rule figure1:
    input:
        funnel="<results>/dataset/funnel/funnel.parquet",
    output:
        png=report(
            "<results>/paper/figure1.png",
            caption="../resources/report/figure1.rst",
            category="Figures",
            labels={"figure": "1", "format": "png"},
        ),
        pdf="<results>/paper/figure1.pdf",
    log:
        "<logs>/paper/figure1.log",
    benchmark:
        "<benchmarks>/paper/figure1.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    message:
        "Figure 1: the pipeline with its counts"
    script:
        "../scripts/paper/figure1.py"


rule figure2:
    output:
        png=report(
            "<results>/paper/figure2.png",
            caption="../resources/report/figure2.rst",
            category="Figures",
            labels={"figure": "2", "format": "png"},
        ),
        pdf="<results>/paper/figure2.pdf",
    log:
        "<logs>/paper/figure2.log",
    benchmark:
        "<benchmarks>/paper/figure2.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        face=settings(CONFIG.tokenizers.face),
        body=settings(CONFIG.tokenizers.body),
        window=CONFIG.tokenizers.training.window,
        mars=settings(CONFIG.mars),
        backends=step_backends("face", "body", "base"),
    message:
        "Figure 2: the system with its sizes"
    script:
        "../scripts/paper/figure2.py"


rule figure3:
    input:
        face="<results>/tokenizers/frames/face/frames.npy",
        face_index="<results>/tokenizers/frames/face/index.parquet",
        body="<results>/tokenizers/frames/body/frames.npy",
        body_index="<results>/tokenizers/frames/body/index.parquet",
    output:
        png=report(
            "<results>/paper/figure3.png",
            caption="../resources/report/figure3.rst",
            category="Figures",
            labels={"figure": "3", "format": "png"},
        ),
        pdf="<results>/paper/figure3.pdf",
    log:
        "<logs>/paper/figure3.log",
    benchmark:
        "<benchmarks>/paper/figure3.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(8000),
        runtime=120,
    params:
        settings=settings(CONFIG.paper.figure3),
        seed=CONFIG.seed,
        models=CONFIG.models,
    message:
        "Figure 3: clusters of faces and bodies"
    script:
        "../scripts/paper/figure3.py"


rule figure4:
    input:
        generated="<results>/mars/generate/generated.jsonl",
        test="<results>/mars/sequences/test.jsonl",
        words=expand(f"{SPOKEN}/words.parquet", shard=SHARDS),
        tokens=expand("<results>/tokenizers/tokenize/{part}.parquet", part=PARTS),
        tokenizers=expand(
            "<results>/tokenizers/train_tokenizer/{part}/ours/0/model.pt", part=PARTS
        ),
    output:
        png=report(
            "<results>/paper/figure4.png",
            caption="../resources/report/figure4.rst",
            category="Figures",
            labels={"figure": "4", "format": "png"},
        ),
        pdf="<results>/paper/figure4.pdf",
    log:
        "<logs>/paper/figure4.log",
    benchmark:
        "<benchmarks>/paper/figure4.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings(CONFIG.paper.figure4),
        seed=CONFIG.seed,
        models=CONFIG.models,
    message:
        "Figure 4: what MARS answers, beside what was answered"
    script:
        "../scripts/paper/figure4.py"


rule figure5:
    input:
        channels="<results>/collect/channels/channels.parquet",
        split="<results>/dataset/split/split.parquet",
        published_csv="resources/paper/figure5.csv",
    output:
        csv=report(
            "<results>/paper/figure5.csv",
            caption="../resources/report/figure5.rst",
            category="Figures",
            labels={"figure": "5", "format": "csv"},
        ),
        md=report(
            "<results>/paper/figure5.md",
            caption="../resources/report/figure5.rst",
            category="Figures",
            labels={"figure": "5", "format": "md"},
        ),
        tex="<results>/paper/figure5.tex",
        png=report(
            "<results>/paper/figure5.png",
            caption="../resources/report/figure5.rst",
            category="Figures",
            labels={"figure": "5", "format": "png"},
        ),
        pdf="<results>/paper/figure5.pdf",
    log:
        "<logs>/paper/figure5.log",
    benchmark:
        "<benchmarks>/paper/figure5.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=20,
    params:
        settings=settings(CONFIG.paper.figure5),
        seed=CONFIG.seed,
    message:
        "Figure 5: words and topics of the titles"
    script:
        "../scripts/paper/figure5.py"


rule sentiment:
    input:
        words="<results>/speech/utterances/{shard}/words.parquet",
        models=models(CONFIG.paper.sentiment),
    output:
        sentiment="<results>/paper/sentiment/{shard}/sentiment.parquet",
    log:
        "<logs>/paper/sentiment/{shard}.log",
    benchmark:
        "<benchmarks>/paper/sentiment/{shard}.tsv"
    conda:
        "../envs/learning.yaml"
    threads: 1
    resources:
        **gpus(CONFIG.paper.sentiment.gpus),
        mem_mb=memory(4000),
        runtime=240,
    params:
        settings=settings(CONFIG.paper.sentiment),
    message:
        "Sentiment of each sentence, shard {wildcards.shard}"
    script:
        "../scripts/paper/sentiment.py"


rule figure6:
    input:
        sentiment=expand(
            "<results>/paper/sentiment/{shard}/sentiment.parquet", shard=SHARDS
        ),
        face=expand("<results>/cues/smooth/{shard}/face.parquet", shard=SHARDS),
        split="<results>/dataset/split/split.parquet",
        published_csv="resources/paper/figure6.csv",
    output:
        csv=report(
            "<results>/paper/figure6.csv",
            caption="../resources/report/figure6.rst",
            category="Figures",
            labels={"figure": "6", "format": "csv"},
        ),
        md=report(
            "<results>/paper/figure6.md",
            caption="../resources/report/figure6.rst",
            category="Figures",
            labels={"figure": "6", "format": "md"},
        ),
        tex="<results>/paper/figure6.tex",
        png=report(
            "<results>/paper/figure6.png",
            caption="../resources/report/figure6.rst",
            category="Figures",
            labels={"figure": "6", "format": "png"},
        ),
        pdf="<results>/paper/figure6.pdf",
    log:
        "<logs>/paper/figure6.log",
    benchmark:
        "<benchmarks>/paper/figure6.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings(CONFIG.paper.figure6),
        seed=CONFIG.seed,
        backends=step_backends("sentiment", "face"),
        models=CONFIG.models,
    message:
        "Figure 6: words and faces by sentiment"
    script:
        "../scripts/paper/figure6.py"


rule figure7:
    input:
        face="<results>/tokenizers/train_tokenizer/face/ours/0/model.pt",
        body="<results>/tokenizers/train_tokenizer/body/ours/0/model.pt",
    output:
        png=report(
            "<results>/paper/figure7.png",
            caption="../resources/report/figure7.rst",
            category="Figures",
            labels={"figure": "7", "format": "png"},
        ),
        pdf="<results>/paper/figure7.pdf",
    log:
        "<logs>/paper/figure7.log",
    benchmark:
        "<benchmarks>/paper/figure7.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=20,
    params:
        window=CONFIG.tokenizers.training.window,
    message:
        "Figure 7: the tokenizers, drawn from the models"
    script:
        "../scripts/paper/figure7.py"


rule figure8:
    input:
        face=expand("<results>/cues/smooth/{shard}/face.parquet", shard=SHARDS),
        body=expand("<results>/cues/smooth/{shard}/body.parquet", shard=SHARDS),
        words=expand("<results>/speech/utterances/{shard}/words.parquet", shard=SHARDS),
        split="<results>/dataset/split/split.parquet",
    output:
        png=report(
            "<results>/paper/figure8.png",
            caption="../resources/report/figure8.rst",
            category="Figures",
            labels={"figure": "8", "format": "png"},
        ),
        pdf="<results>/paper/figure8.pdf",
    log:
        "<logs>/paper/figure8.log",
    benchmark:
        "<benchmarks>/paper/figure8.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings(CONFIG.paper.figure8),
        models=CONFIG.models,
    message:
        "Figure 8: bodies and faces as meshes"
    script:
        "../scripts/paper/figure8.py"


rule figure9:
    input:
        records=expand(
            "<results>/dataset/records/{shard}/{split}.parquet",
            shard=SHARDS,
            split=["train", "validation", "test"],
        ),
    output:
        png=report(
            "<results>/paper/figure9.png",
            caption="../resources/report/figure9.rst",
            category="Figures",
            labels={"figure": "9", "format": "png"},
        ),
        pdf="<results>/paper/figure9.pdf",
    log:
        "<logs>/paper/figure9.log",
    benchmark:
        "<benchmarks>/paper/figure9.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings(CONFIG.paper.figure9),
    message:
        "Figure 9: the record of a clip"
    script:
        "../scripts/paper/figure9.py"


rule algorithm1:
    input:
        words=expand("<results>/speech/utterances/{shard}/words.parquet", shard=SHARDS),
        tracks=expand("<results>/speakers/tracks/{shard}/tracks.parquet", shard=SHARDS),
        active_speaker=expand(
            "<results>/speakers/active_speaker/{shard}/active_speaker.parquet",
            shard=SHARDS,
        ),
        crops=expand("<results>/speakers/crops/{shard}/crops.parquet", shard=SHARDS),
        split="<results>/dataset/split/split.parquet",
    output:
        csv="<results>/paper/algorithm1.csv",
        md=report(
            "<results>/paper/algorithm1.md",
            caption="../resources/report/algorithm1.rst",
            category="Figures",
            labels={"figure": "algorithm 1", "format": "md"},
        ),
        png=report(
            "<results>/paper/algorithm1.png",
            caption="../resources/report/algorithm1.rst",
            category="Figures",
            labels={"figure": "algorithm 1", "format": "png"},
        ),
        pdf="<results>/paper/algorithm1.pdf",
    log:
        "<logs>/paper/algorithm1.log",
    benchmark:
        "<benchmarks>/paper/algorithm1.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings(CONFIG.paper.algorithm1),
        seed=CONFIG.seed,
    message:
        "Algorithm 1: whose crop each word gets"
    script:
        "../scripts/paper/algorithm1.py"


rule paper:
    input:
        rules.table1.output,
        rules.table2.output,
        rules.table3.output,
        rules.table4.output,
        rules.table5.output,
        rules.inconsistencies.output,
        rules.figure1.output,
        rules.figure2.output,
        rules.figure3.output,
        rules.figure4.output,
        rules.figure5.output,
        rules.figure6.output,
        rules.figure7.output,
        rules.figure8.output,
        rules.figure9.output,
        rules.algorithm1.output,
    message:
        "The paper's tables and figures"
