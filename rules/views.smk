rule samples:
    input:
        clips=expand("<results>/collect/clips/{shard}/clips.parquet", shard=SHARDS),
        media=expand("<results>/collect/clips/{shard}/media", shard=SHARDS),
        words=expand("<results>/speech/utterances/{shard}/words.parquet", shard=SHARDS),
        utterances=expand(
            "<results>/speech/utterances/{shard}/utterances.parquet", shard=SHARDS
        ),
        tracks=expand("<results>/speakers/tracks/{shard}/tracks.parquet", shard=SHARDS),
        active_speaker=expand(
            "<results>/speakers/active_speaker/{shard}/active_speaker.parquet",
            shard=SHARDS,
        ),
        crops=expand("<results>/speakers/crops/{shard}/crops.parquet", shard=SHARDS),
        face=expand("<results>/cues/smooth/{shard}/face.parquet", shard=SHARDS),
        body=expand("<results>/cues/smooth/{shard}/body.parquet", shard=SHARDS),
    output:
        samples=report(
            directory("<results>/views/samples"),
            patterns=["{sample}.png", "{sample}.mp4"],
            caption="../resources/report/samples.rst",
            category="Samples",
            labels={"utterance": "{sample}"},
        ),
    log:
        "<logs>/views/samples.log",
    benchmark:
        "<benchmarks>/views/samples.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings(CONFIG.views.samples),
        models=CONFIG.models,
    message:
        "Avatars of a few utterances, to look at"
    script:
        "../scripts/views/samples.py"


rule views:
    input:
        rules.samples.output,
    message:
        "Samples to look at: avatar videos, contact sheets, BVH, GLB"
