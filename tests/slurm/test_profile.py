"""What a user sets reaches SLURM: account and partition, for all rules and for one."""

RULES = """
rule all:
    input: "measured", "trained"
rule measures:
    output: "measured"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
rule trains:
    output: "trained"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
"""


def test_account_and_partition_reach_sbatch_for_all_rules_and_for_one(workflow):
    workflow.environment["SLURM_ACCOUNT"] = "paper"
    workflow.write(RULES)
    assert workflow.run("--set-resources", "trains:slurm_account=other", "trains:slurm_partition=gpu") == 0, (
        workflow.log
    )
    asked = {}
    for rule in ("measures", "trains"):
        ((number, _),) = workflow.ran(rule)
        job = workflow.cluster.job(number)
        asked[rule] = job["Account"], job["Partition"]
    assert asked == {"measures": ("paper", "cpu"), "trains": ("other", "gpu")}
