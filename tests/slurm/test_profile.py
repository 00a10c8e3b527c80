"""What a user sets reaches SLURM: account and partition, for all rules and for one."""

import os

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


def register(workflow, accounts: str) -> None:
    """Put a `sacctmgr` first on PATH that names these accounts: the tests' cluster keeps none."""
    program = workflow.folder / "bin" / "sacctmgr"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{accounts}'\n")
    program.chmod(0o755)
    workflow.environment["PATH"] = f"{program.parent}{os.pathsep}{workflow.environment['PATH']}"


def test_account_and_partition_reach_sbatch_for_all_rules_and_for_one(workflow):
    register(workflow, "paper\nother")
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
