# From a channel list to the tables and figures of the paper. Read top to bottom.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/models.smk"  # weights that lie in no package
include: "rules/collect.smk"  # (a) channels, thumbnails, media, clips
include: "rules/studio.smk"  # (a) stereo recordings of two actors: who speaks, what, by channel and script
include: "rules/speech.smk"  # (b) who speaks when, language, words, utterances
include: "rules/speakers.smk"  # (c) faces, active speaker, person crops
include: "rules/cues.smk"  # (d) face and body parameters, smoothed
include: "rules/dataset.smk"  # (e) safety, split, VENUS records, statistics, funnel
include: "rules/publication.smk"  # (e) columns that licences allow, card, metadata
include: "rules/tokenizers.smk"  # (f) face and body motion to tokens
include: "rules/mars.smk"  # (g) a language model over words, faces and bodies
include: "rules/paper.smk"  # (h) tables and figures, published beside ours
include: "rules/views.smk"  # (i) samples to look at
include: "rules/judge.smk"  # (j) a sample that people judge, and error rates
include: "rules/provenance.smk"  # (k) the ledger of what made what
include: "rules/report.smk"  # (l) one page of all that
include: "rules/demo.smk"  # a corpus with known truth, and the score against it


onstart:
    from nonverbal.preflight import preflight

    try:
        cluster.refuse_left_jobs(Path.cwd())
        remove_listed()
        preflight(
            CONFIG,
            rules={job.rule.name for job in workflow.dag.needrun_jobs()},
            environments=OWN_ENVIRONMENTS,
        )
    except UserError as error:
        raise SystemExit(str(error))


onerror:
    cluster.cancel_left_jobs()


localrules:
    all,
    studio,
    dataset,
    publication,
    tokenizers,
    mars,
    paper,
    views,
    judge,
    provenance,


rule all:
    default_target: True
    input:
        (
            [
                rules.tokenizers.input,
                rules.mars.input,
                rules.table3.output,
                rules.table4.output,
                rules.provenance.input,
                rules.report.output,
            ]
            if PUBLISHED
            else [
                rules.studio.input,
                rules.speech.input,
                rules.quality.output,
                rules.dataset.input,
                rules.publication.input,
                rules.tokenizers.input,
                rules.paper.input,
                rules.views.input,
                rules.judge.input,
                rules.provenance.input,
                rules.report.output,
            ]
        ),
    message:
        "Everything: dataset, tokenizers, MARS, tables and figures, ledger, report; of published records what can be made"
