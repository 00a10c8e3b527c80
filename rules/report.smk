# (l) One page of all that a run made, for people who do not have the project.


rule report:
    input:
        # what sections of nonverbal/report/contents.py show; the rest of it, under `Also made`
        parts=(
            [
                rules.table3.output,
                rules.table4.output,
                rules.codebooks.output,
                rules.reconstruction.output,
            ]
            if PUBLISHED
            else [
                rules.paper.input,
                rules.codebooks.output,
                rules.reconstruction.output,
                rules.quality.output,
                rules.error_rates.output,
                (
                    [
                        rules.emotion_frequencies.output,
                        rules.emotion_pairs.output,
                        rules.gaze.output,
                        rules.framing_check.output,
                    ]
                    if STUDIO_SOURCES
                    else []
                ),
                rules.funnel.output,
                rules.statistics.output,
                rules.samples.output,
                rules.cost.output,
                *shards_of("collect/thumbnails", "thumbnails"),
                *shards_of("collect/download", "download"),
                *shards_of("speech/diarize", "speakers"),
                *shards_of("speech/transcribe", "transcript", "languages"),
                *shards_of("speech/utterances", "utterances", "words"),
                *shards_of("speakers/active_speaker", "active_speaker", "visibility"),
                *shards_of("cues/smooth", "face", "body", "quality"),
            ]
        ),
        crate="<results>/ro-crate-metadata.json",
        captions=[
            f"resources/report/{caption.name}"
            for caption in sorted(
                Path(workflow.basedir, "resources/report").glob("*.rst")
            )
        ],
        template="nonverbal/report/page.html",
        style="nonverbal/report/style.css",
    output:
        page="<results>/report/report.html",
    log:
        "<logs>/report/report.log",
    benchmark:
        "<benchmarks>/report/report.tsv"
    conda:
        "../envs/vision.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        settings=settings(CONFIG.report),
        decisions={
            "keep_people": settings(CONFIG.collect.keep_people),
            "keep_two_speakers": settings(CONFIG.speech.keep_two_speakers),
            "keep_language": settings(CONFIG.speech.keep_language),
        },
        published=bool(PUBLISHED),
    message:
        "Report: one page of tables, figures, samples, scores, cost and what made them"
    script:
        "../scripts/report/report.py"
