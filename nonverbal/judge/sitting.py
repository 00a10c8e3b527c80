"""What a person is asked next, without what was decided about it, and how far they are."""

from pathlib import Path
from typing import Any

from nonverbal.errors import UserError
from nonverbal.judge.excerpts import there
from nonverbal.judge.judgements import UNDONE, Judgements
from nonverbal.judge.questions import QUESTIONS
from nonverbal.schema import read_rows

BLIND = ("key", "question", "ask", "unit", "text", "spans", "boxes")  # all of a unit that leaves this machine's disk


class Sitting:
    """The drawn units and the judgements about them.

    Args:
        results: folder of a run that has drawn units.
        judgements: folder of the judgements.

    Raises:
        UserError: nothing is drawn.
    """

    def __init__(self, results: Path, judgements: Path) -> None:
        table = results / "judge" / "draw" / "units.parquet"
        if not table.exists():
            raise UserError(f"{table} is missing; run the target judge first: snakemake judge")
        self.results, self.judgements = results, Judgements(judgements)
        rows = read_rows(table, "judge_units")
        places = {name: place for place, name in enumerate(QUESTIONS)}
        rows.sort(key=lambda row: (places.get(row["question"], len(places)), row["place"]))
        self.units = {row["key"]: row for row in rows}
        self.damaged: set[str] = set()  # that were there and could not be decoded

    def state(self, annotator: str, question: str = "") -> dict[str, Any]:
        """How far a person is with each question, and their next unit of one of them, or of all.

        Raises:
            UserError: the name is none.
        """
        judged = self.judgements.of(annotator)
        questions: dict[str, dict[str, Any]] = {}
        following = None
        for key, unit in self.units.items():
            head = {"question": unit["question"], "ask": unit["ask"], "units": 0, "judged": 0, "gone": 0}
            count = questions.setdefault(unit["question"], head)
            count["units"] += 1
            if key in judged:
                count["judged"] += 1
            elif key in self.damaged or not there(self.results, unit):
                count["gone"] += 1
            elif following is None and question in ("", unit["question"]):
                following = {name: unit[name] for name in BLIND}
        mine = [key for key in judged if key in self.units]
        return {"questions": list(questions.values()), "unit": following, "undo": bool(mine)}

    def judge(self, annotator: str, key: str, verdict: str) -> None:
        """Keep a judgement.

        Raises:
            UserError: there is no such unit, name or verdict.
        """
        if key not in self.units:
            raise UserError("there is no such unit; load the page again")
        self.judgements.add(annotator, key, verdict)

    def undo(self, annotator: str) -> None:
        """Take back a person's latest judgement about these units, if there is one."""
        mine = [key for key in self.judgements.of(annotator) if key in self.units]
        if mine:
            self.judgements.add(annotator, mine[-1], UNDONE)
