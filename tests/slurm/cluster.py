"""A small real SLURM on this machine, for tests and to try the profile: python tests/slurm/cluster.py -- COMMAND ...

It starts munged, slurmctld and one slurmd a node on loopback, from a folder of its own, runs the command with that
cluster's programs first on PATH, and stops what it started. It needs Debian's packages (PACKAGES below), but neither
root, systemd, cgroups nor a GPU: a node's "GPUs" are character devices that every machine has.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from getpass import getuser
from pathlib import Path

from nonverbal.demo.serve import run

PACKAGES = "munge slurmctld slurmd slurm-client"
NODES = ("n1", "n2")
CPUS, MEMORY_MB = 16, 256_000  # what each node says it has: tests are about allocations, not about load
DEVICES = ("/dev/null", "/dev/zero")  # stand in for a node's GPUs; SLURM wants files that exist
MODEL = "fake"
DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr", "sshare")
START_S = 30.0

CONFIGURATION = """
ClusterName=nonverbal
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=20
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
SlurmdTimeout=10
KillWait=3
OverTimeLimit=0
MinJobAge=900
"""
PARTITIONS = f"""
PartitionName=cpu Nodes={",".join(NODES)} Default=YES MaxTime=7-0 State=UP
PartitionName=gpu Nodes={",".join(NODES)} MaxTime=7-0 State=UP
"""


def missing() -> list[str]:
    """Programs that are needed and not installed."""
    return [name for name in (*DAEMONS, "sbatch", "srun") if not _program(name)]


class Cluster:
    """A SLURM of two nodes in a folder; a context manager that starts and stops it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._pids: dict[str, int] = {}

    def __enter__(self) -> "Cluster":
        self._write_configuration()
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to use this cluster."""
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "NONVERBAL_CPU_PARTITION": "cpu",
            "NONVERBAL_GPU_PARTITION": "gpu",
            "NONVERBAL_GPU_MODEL": MODEL,
        }

    def ask(self, *command: str) -> str:
        """What one of SLURM's programs answers."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def queue(self) -> list[str]:
        """Ids of jobs that wait or run."""
        return self.ask("squeue", "--noheader", "--format=%i").split()

    def job(self, number: str) -> dict[str, str]:
        """Everything that SLURM knows of a job, by SLURM's names."""
        return dict(part.split("=", 1) for part in self.ask("scontrol", "show", "job", number).split() if "=" in part)

    def ended(self) -> dict[str, dict[str, str]]:
        """Jobs that ended, by number, with what SLURM noted of them; one that ran again stands with its last time."""
        lines = (self.folder / "jobs.txt").read_text().splitlines()
        jobs = [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]
        return {job["JobId"]: job for job in jobs}

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        self._run("slurmd", "-f", str(self.folder / "slurm.conf"), "-N", node)
        self._remember(f"slurmd-{node}")

    def kill_node(self, node: str) -> None:
        """Take a node away as a power cut does: its daemon and every process of its jobs end at once."""
        del self._pids[f"slurmd-{node}"]
        (self.folder / f"slurmd-{node}.pid").unlink()  # or the next daemon would be taken for this one
        # first those that would report the end of the others
        for process in _processes_writing(self.folder / f"slurmd-{node}.log"):
            _kill(process)
        for process in _processes_naming(f"SLURMD_NODENAME={node}", str(self.folder)):
            _kill(process)

    def stop(self) -> None:
        """End the jobs that are left and every daemon that was started."""
        if "slurmctld" in self._pids:
            subprocess.run(["scancel", "--user", getuser()], env={**os.environ, **self.environment}, check=False)
        for name in sorted(self._pids, key=lambda name: name == "munged"):
            _end(self._pids[name])
        self._pids.clear()

    def _write_configuration(self) -> None:
        for name in ("munge", "state", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        key = self.folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        host = socket.gethostname().split(".")[0]
        ports = _free_ports(1 + len(NODES))
        text = CONFIGURATION.format(folder=self.folder, host=host, user=getuser(), ports=ports)
        for node, port in zip(NODES, ports[1:], strict=True):
            text += (
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} "
                f"RealMemory={MEMORY_MB} Gres=gpu:{MODEL}:{len(DEVICES)} State=UNKNOWN\n"
            )
        (self.folder / "slurm.conf").write_text(text + PARTITIONS)
        (self.folder / "cgroup.conf").write_text("IgnoreSystemd=yes\n")
        devices = [f"NodeName={node} Name=gpu Type={MODEL} File={file}\n" for node in NODES for file in DEVICES]
        (self.folder / "gres.conf").write_text("AutoDetect=off\n" + "".join(devices))
        # a job's inner srun loses SLURM_CONF, so each program is told where its cluster is
        for name in CLIENTS:
            if path := _program(name):
                script = self.folder / "bin" / name
                script.write_text(f'#!/bin/sh\nSLURM_CONF="{self.folder}/slurm.conf" exec {path} "$@"\n')
                script.chmod(0o755)

    def _start_all(self) -> None:
        munge, configuration = self.folder / "munge", str(self.folder / "slurm.conf")
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        self._run("munged", "--force", *(f"--{option}={munge / name}" for option, name in files.items()))
        self._pids["munged"] = _wait_for_pid(munge / "pid")
        self._run("slurmctld", "-c", "-f", configuration)
        self._remember("slurmctld")
        for node in NODES:
            self.start_node(node)
        deadline = time.monotonic() + START_S
        while len(self.ask("sinfo", "--noheader", "--Node", "--partition=cpu", "--states=idle").splitlines()) < 2:
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("*.log")))
                raise RuntimeError(f"the nodes are not idle after {START_S:.0f} s\n{logs}")
            time.sleep(0.2)

    def _remember(self, name: str) -> None:
        self._pids[name] = _wait_for_pid(self.folder / f"{name}.pid")

    def _run(self, program: str, *arguments: str) -> None:
        with (self.folder / "started.log").open("a") as log:
            subprocess.run([_program(program), *arguments], check=True, stdout=log, stderr=log)


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"]))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for_pid(path: Path) -> int:
    deadline = time.monotonic() + START_S
    while not path.exists() or not path.read_text().strip():
        if time.monotonic() > deadline:
            raise RuntimeError(f"no {path} after {START_S:.0f} s")
        time.sleep(0.05)
    return int(path.read_text())


def _processes_writing(log: Path) -> list[int]:
    """Processes that hold a log file open: a node's daemon, and the ones that watch its jobs."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if path.readlink() == log:
                found.add(int(path.parts[2]))
        except OSError:
            continue
    return sorted(found)


def _processes_naming(*texts: str) -> list[int]:
    """Processes whose environment holds all texts: a node's jobs and what they started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue
        if all(text.encode() in environment for text in texts):
            found.append(int(path.parent.name))
    return found


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _end(process: int) -> None:
    for number, patience_s in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + patience_s
        try:
            os.kill(process, number)
            while time.monotonic() < deadline:
                os.kill(process, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            return


def main(arguments: list[str]) -> int:
    """Run a command on a cluster that lives as long as the command."""
    if len(arguments) < 2 or arguments[0] != "--":
        sys.stderr.write("usage: python tests/slurm/cluster.py -- COMMAND ...\n")
        return 2
    if lacking := missing():
        sys.stderr.write(f"{', '.join(lacking)} missing: apt-get install --no-install-recommends {PACKAGES}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, Cluster(Path(folder)) as cluster:
        os.environ.update(cluster.environment)
        return run(arguments[1:])  # passes signals on, so that the cluster is stopped after the command's own end


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
