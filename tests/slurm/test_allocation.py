"""What every rule asks of SLURM, with the paper's models, is what a real SLURM gives it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from cluster import MODEL
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string

ROOT = Path(__file__).resolve().parents[2]
PAPER = ["--configfile", str(ROOT / "config.yaml"), str(ROOT / "paper" / "settings.yaml")]
# rules that are given GPUs where the paper's models do the steps, and how many on each node
GPUS = {
    "diarize": 1, "transcribe": 1, "face": 1, "body": 1, "train_tokenizer": 2, "evaluate_tokenizer": 1, "tokenize": 1,
    "train_mars": 2, "generate": 1, "evaluate_motion": 1, "evaluate_mars": 1, "evaluate_ablation": 1, "sentiment": 1,
}  # fmt: skip
NODES = {"train_mars": 2}
SEVERAL = ["tokenizers={training: {processes: 2}}", "mars={training: {processes: 2, nodes: 2}}"]


@pytest.fixture(scope="module")
def planned(cluster, tmp_path_factory) -> dict[str, dict]:
    """Rule -> what one of its jobs asks for."""
    results = tmp_path_factory.mktemp("planned") / "results"
    values = [f"results={results}", "shards=1", *SEVERAL]
    values += ["cues={face: {backend: emoca}, body: {backend: osx}}"]
    command = [sys.executable, str(Path(__file__).with_name("planned.py")), "--profile", "slurm", "--cores", "1000"]
    environment = {**os.environ, **cluster.environment, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [*command, *PAPER, "--config", *values], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    jobs = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith('{"rule"')]
    return {job["rule"]: job for job in jobs}


def submitted(cluster, job: dict, folder: Path) -> str:
    """Send a job with the plugin's own request, which then notes the GPUs it sees; its number."""
    stub = SimpleNamespace(resources=Resources(job["resources"]), threads=job["threads"])
    asked = {
        "run_uuid": "allocation", "slurm_logfile": folder / "log", "comment_str": job["rule"], "account": "",
        "partition": f"-p {job['resources']['slurm_partition']}", "workdir": folder,
    }  # fmt: skip
    call = get_submit_command(stub, asked) + set_gres_string(stub)
    call += f" --wrap 'echo ${{CUDA_VISIBLE_DEVICES-}} > {folder}/{job['rule']}'"
    environment = {**os.environ, **cluster.environment}
    answer = subprocess.run(call, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"{call}\n{answer.stderr}"
    return answer.stdout.strip()


class Resources(dict):
    """As Snakemake's: names are also attributes."""

    __getattr__ = dict.get


def test_gpu_rules_get_their_gpus_and_cpu_rules_none(cluster, planned, tmp_path):
    assert len(planned) > 40
    numbers = {rule: submitted(cluster, job, tmp_path) for rule, job in planned.items()}
    deadline = time.monotonic() + 120
    while cluster.queue():
        assert time.monotonic() < deadline, cluster.ask("squeue")
        time.sleep(0.5)
    seen = {rule: (tmp_path / rule).read_text().strip() for rule in planned}
    assert {rule: len(devices.split(",")) for rule, devices in seen.items() if devices} == GPUS
    for rule, number in numbers.items():
        job = cluster.job(number)
        assert job["Partition"] == ("gpu" if rule in GPUS else "cpu")
        nodes = NODES.get(rule, 1)
        assert (int(job["NumNodes"]), int(job["NumCPUs"])) == (nodes, nodes * planned[rule]["threads"]), rule
        assert job.get("TresPerJob") == (f"gres:gpu:{MODEL}:{nodes * GPUS[rule]}" if rule in GPUS else None)
    assert planned["train_tokenizer"]["threads"] == 8  # four a process


def test_what_asks_the_network_is_limited(planned):
    assert {rule for rule, job in planned.items() if job["resources"].get("download")} == {
        "channels", "thumbnails", "download", "fetch_model",
    }  # fmt: skip


def test_a_rule_s_resources_are_overridden_from_the_command_line(cluster, tmp_path):
    values = ["--set-resources", "face:mem_mb=9000", "face:slurm_partition=cpu", "--config", f"results={tmp_path}/r"]
    command = [sys.executable, str(Path(__file__).with_name("planned.py")), "--profile", "slurm", *PAPER, *values]
    environment = {**os.environ, **cluster.environment, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    jobs = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith('{"rule"')]
    asked = {job["rule"]: (job["resources"]["mem_mb"], job["resources"]["slurm_partition"]) for job in jobs}
    assert asked["face"] == (9000, "cpu")
    assert asked["generate"][1] == "gpu"  # the profile's others stay
