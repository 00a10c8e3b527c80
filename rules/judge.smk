# What people are asked to check, and how often the filters are wrong by their judgement.


rule draw:
    input:
        channels=expand("<results>/collect/channels/{shard}.parquet", shard=SHARDS),
        clips=expand("<results>/collect/clips/{shard}/clips.parquet", shard=SHARDS),
        keep_people=expand(
            "<results>/collect/keep_people/{shard}/keep_people.parquet", shard=SHARDS
        ),
        keep_two_speakers=expand(
            "<results>/speech/keep_two_speakers/{shard}/keep_two_speakers.parquet",
            shard=SHARDS,
        ),
        keep_language=expand(
            "<results>/speech/keep_language/{shard}/keep_language.parquet",
            shard=SHARDS,
        ),
        keep_visible=expand(
            "<results>/speakers/keep_visible/{shard}/keep_visible.parquet",
            shard=SHARDS,
        ),
        keep_safe=expand(
            "<results>/dataset/keep_safe/{shard}/keep_safe.parquet", shard=SHARDS
        ),
        utterances=expand(
            "<results>/speech/utterances/{shard}/utterances.parquet", shard=SHARDS
        ),
        safety=expand("<results>/dataset/safety/{shard}/safety.parquet", shard=SHARDS),
        crops=expand("<results>/speakers/crops/{shard}/crops.parquet", shard=SHARDS),
        face=expand("<results>/cues/smooth/{shard}/face.parquet", shard=SHARDS),
    output:
        units="<results>/judge/draw/units.parquet",
        strata="<results>/judge/draw/strata.parquet",
        pictures=directory("<results>/judge/draw/pictures"),
    log:
        "<logs>/judge/draw.log",
    benchmark:
        "<benchmarks>/judge/draw.tsv"
    conda:
        "../envs/media.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings(CONFIG.judge.draw),
        network=settings(CONFIG.collect.network),
        people=CONFIG.collect.keep_people.people,
        spoken=settings(CONFIG.speech.keep_language),
        seed=CONFIG.seed,
    message:
        "Drawing what people are asked to check"
    script:
        "../scripts/judge/draw.py"


rule error_rates:
    input:
        units="<results>/judge/draw/units.parquet",
        strata="<results>/judge/draw/strata.parquet",
        judgements=sorted(map(str, Path(CONFIG.judge.judgements).glob("*.jsonl"))),
    output:
        csv=report(
            "<results>/judge/error_rates/error_rates.csv",
            caption="../resources/report/error_rates.rst",
            category="Human check",
            labels={"table": "error rates", "format": "csv"},
        ),
        agreement_csv=report(
            "<results>/judge/error_rates/agreement.csv",
            caption="../resources/report/error_rates.rst",
            category="Human check",
            labels={"table": "agreement", "format": "csv"},
        ),
        md=report(
            "<results>/judge/error_rates/error_rates.md",
            caption="../resources/report/error_rates.rst",
            category="Human check",
            labels={"table": "error rates", "format": "md"},
        ),
        png=report(
            "<results>/judge/error_rates/error_rates.png",
            caption="../resources/report/error_rates.rst",
            category="Human check",
            labels={"figure": "error rates", "format": "png"},
        ),
        pdf="<results>/judge/error_rates/error_rates.pdf",
    log:
        "<logs>/judge/error_rates.log",
    benchmark:
        "<benchmarks>/judge/error_rates.tsv"
    conda:
        "../envs/paper.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=20,
    params:
        confidence=CONFIG.judge.confidence,
    message:
        "How often the filters are wrong, by people's judgement"
    script:
        "../scripts/judge/error_rates.py"


rule judge:
    input:
        rules.draw.output,
        rules.error_rates.output,
    message:
        "Human check: what to judge, and how often the filters are wrong"
