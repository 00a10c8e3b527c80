from hypothesis import given
from hypothesis import strategies as st

from nonverbal.paper.markup import Block, markdown
from nonverbal.report.documents import read_document

words = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="^\\"), min_size=1).map(str.strip)
cells = words.filter(lambda word: not word.startswith(("#", "*", "`")))


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1), st.lists(cells))
def test_what_markup_writes_is_read_back(tmp_path_factory, rows, notes):
    path = tmp_path_factory.mktemp("md") / "table.md"
    path.write_text(markdown("Title", [Block("Ours", ["row", "a | b", "c"], rows)], notes), "utf-8")
    read = read_document(path)
    assert (read.title, read.notes, len(read.blocks)) == ("Title", notes, 1)
    assert (read.blocks[0].heading, read.blocks[0].header, read.blocks[0].rows) == ("Ours", ["row", "a | b", "c"], rows)


def test_columns_of_numbers_are_known(tmp_path):
    rows = [["1", "face", "-0.5"], ["2", "body", "not available"], ["3", "4", "1.5 ± 0.2"]]
    path = tmp_path / "table.md"
    path.write_text(markdown("Title", [Block("Ours", ["a", "b", "c"], rows)], []))
    assert read_document(path).blocks[0].numeric == [False, False, True]


def test_a_block_tells_its_metrics_down_or_across(tmp_path):
    path = tmp_path / "table.md"
    across = Block("Ours", ["row", "group", "VMSE", "LVD"], [["ours", "face", "1", "2"]])
    down = Block("Ours", ["metric", "ours", "theirs"], [["VMSE", "1", "2"], ["LVD", "3", "4"]])
    path.write_text(markdown("Title", [across, down], []))
    assert [block.metrics for block in read_document(path).blocks] == [["VMSE", "LVD"]] * 2


def test_a_table_without_rows_and_a_cell_of_two_lines_are_read(tmp_path):
    path = tmp_path / "table.md"
    blocks = [Block("None", ["a", "b"], []), Block("Lines", ["a", "b"], [["one\n## two\u2028three", "2"]])]
    path.write_text(markdown("Title", blocks, []), "utf-8")
    none, lines = read_document(path).blocks
    assert (none.heading, none.rows, none.text) == ("None", [], "nothing")
    assert lines.rows == [["one ## two three", "2"]]


def test_text_stays_as_it_is(tmp_path):
    path = tmp_path / "table.md"
    path.write_text("# T\n\n## user: 5 words\n\n```text\nno <FACE_1> | *stars*\n```\n\n## Notes\n\n* one\n")
    read = read_document(path)
    assert [(block.heading, block.text, block.rows) for block in read.blocks] == [
        ("user: 5 words", "no <FACE_1> | *stars*", [])
    ]
    assert read.notes == ["one"]
