"""What a run would ask of SLURM, a JSON line a job: python tests/slurm/planned.py SNAKEMAKE_OPTIONS ..."""

import json
import logging
import sys

from snakemake.cli import main
from snakemake.logging import logger


def tell(record: logging.LogRecord) -> bool:
    """Print what Snakemake says of a job: a rule's message hides its resources on the screen."""
    if hasattr(record, "rule_name") and hasattr(record, "resources"):
        job = {"rule": record.rule_name, "threads": record.threads, "resources": dict(record.resources.items())}
        print(json.dumps(job, default=str))
    return True


logger.addFilter(tell)
sys.exit(main(["--dry-run", *sys.argv[1:]]))
