"""Faults, on a real SLURM and through the profile as users type it, in workflows of a few seconds."""

import re
import signal


def test_failing_hanging_and_short_jobs(workflow):
    """One head for all, to start it once: retries with more memory, a time-out told, short rules in one job, GPUs."""
    workflow.write(
        """
rule all:
    input: "kept", "trained"
rule fails:
    output: "failed"
    resources: mem_mb=lambda wildcards, attempt: 500 * attempt, runtime=5
    shell: "RECORD; false"
rule hangs:
    output: "hung"
    retries: 0
    resources: mem_mb=500, runtime=1
    shell: "RECORD; sleep 600"
rule crops:
    output: "cropped"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
rule keep_safe:
    input: "cropped"
    output: "kept"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
rule trains:
    output: "trained"
    threads: 4
    resources: mem_mb=500, runtime=5, slurm_partition="gpu", gpu=2, nodes=1, tasks_per_gpu=0
    shell: "RECORD; touch {output}"
"""
    )
    assert workflow.run("all", "failed", "hung") == 1
    job = workflow.cluster.job

    tries = [number for number, _ in workflow.ran("fails")]
    assert len(tries) == 3, workflow.log
    assert [job(number)["MinMemoryNode"] for number in tries] == ["500M", "1000M", "1500M"]

    ((hung, _),) = workflow.ran("hangs")
    assert job(hung)["JobState"] == "TIMEOUT"
    assert re.search(rf"SLURM-job '{hung}' failed.*TIMEOUT", workflow.log)

    ((crops, _),), ((kept, _),) = workflow.ran("crops"), workflow.ran("keep_safe")
    assert crops == kept

    ((trained, devices),) = workflow.ran("trains")
    assert devices == "0,1"
    assert {key: job(trained)[key] for key in ("NumCPUs", "NumNodes", "Partition")} == {
        "NumCPUs": "4", "NumNodes": "1", "Partition": "gpu",
    }  # fmt: skip
    assert workflow.cluster.queue() == []


def test_a_lost_node_s_job_runs_again_elsewhere(workflow):
    workflow.write(
        """
rule works:
    output: "done"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; sleep 8; touch {output}"
"""
    )
    head = workflow.start("--retries", "0")
    workflow.wait_for(lambda: workflow.ran("works"))
    number = workflow.ran("works")[0][0]
    lost = workflow.cluster.job(number)["NodeList"]
    workflow.cluster.kill_node(lost)
    try:
        assert head.wait(200) == 0, workflow.log
    finally:
        workflow.cluster.start_node(lost)
    assert [one for one, _ in workflow.ran("works")] == [number, number]
    assert workflow.cluster.job(number)["Restarts"] == "1"
    assert workflow.cluster.job(number)["NodeList"] != lost


def test_an_interrupted_head_leaves_no_job(workflow):
    workflow.write(
        """
rule all:
    input: expand("done{i}", i=range(12))
rule works:
    output: "done{i}"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; sleep 300; touch {output}"
"""
    )
    head = workflow.start()
    workflow.wait_for(workflow.cluster.queue)  # while the others are being submitted
    head.send_signal(signal.SIGINT)
    assert head.wait(120) != 0
    workflow.wait_for(lambda: workflow.cluster.queue() == [], timeout=30)


def test_a_killed_head_is_followed_by_one_that_finishes(workflow):
    workflow.write(
        """
rule all:
    input: "last"
rule first:
    output: "first"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
rule second:
    input: "first"
    output: "second"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; sleep 15; touch {output}"
rule last:
    input: "second"
    output: "last"
    resources: mem_mb=500, runtime=5
    shell: "RECORD; touch {output}"
onstart:
    from nonverbal import cluster
    from nonverbal.errors import UserError
    try:
        cluster.refuse_left_jobs(Path.cwd())
    except UserError as error:
        raise SystemExit(str(error))
"""
    )
    head = workflow.start()
    workflow.wait_for(lambda: workflow.ran("second"))
    head.kill()
    head.wait()
    assert workflow.run("--unlock") == 0
    assert workflow.run() != 0
    number = workflow.ran("second")[0][0]
    assert f"SLURM jobs {number} of a run that was killed still work in this folder" in workflow.log
    workflow.wait_for(lambda: workflow.cluster.queue() == [])
    workflow.run("--unlock")
    assert workflow.run() == 0, workflow.log
    assert {rule: len(workflow.ran(rule)) for rule in ("first", "second", "last")} == {
        "first": 1, "second": 1, "last": 1,
    }  # fmt: skip
