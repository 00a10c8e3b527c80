"""What the page says, without a browser."""

import base64
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from run_of_the_test import HOSTILE, ROOT, SETTINGS, record, write_page

from nonverbal.report.contents import DISTRIBUTIONS, NO_STUDIO, NO_VIDEOS, SECTIONS
from nonverbal.schema import TABLES

PARTS = [part for section in SECTIONS for part in section.parts]
NO_END = {"meta", "link", "img", "br", "source", "track", "rect", "path"}


class Reader(HTMLParser):
    """Elements of a page: name, attributes, and the text in the innermost one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in NO_END:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def text(page) -> str:
    return page.read_text("utf-8")


@pytest.fixture(scope="module")
def read(text) -> Reader:
    return Reader(text)


def test_text_from_videos_and_tables_is_escaped(text, read):
    assert read.open == []  # every element ends where it should
    assert read.all("script") == [] and not any("onerror" in attributes for _, attributes in read.elements)
    assert text.count("&lt;script&gt;alert(&#34;1&#34;)") >= 5  # a title, an utterance, cells and notes of two tables
    assert "<b>first</b>" not in text and HOSTILE not in text


def test_nothing_outside_the_page_is_needed(text, read):
    loaded = [*read.all("img", "video", "source", "track", "link", "iframe")]
    assert all(attributes.get("src", "data:").startswith("data:") for attributes in loaded)
    assert read.all("link", "script", "iframe") == [] and "@import" not in text and "url(" not in text
    policy = next(one["content"] for one in read.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:;")


def test_links_lead_to_what_is_there(page, read):
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in read.all("a")]
    assert {link for link in links if link.startswith("#")} <= {f"#{name}" for name in ids}
    beside = {link for link in links if not link.startswith("#")}
    assert {link for link in beside if not (page.parent / link).is_file()} == set()
    assert {"../provenance/jobs/table1/all.json", "../paper/table1.csv", "../views/samples/v_000_1.mp4"} <= beside


def test_it_is_built_of_meaningful_elements(read):
    assert len(read.all("h1")) == len(read.all("main")) == len(read.all("nav")) == 1
    assert all(attributes.get("scope") in {"col", "row"} for attributes in read.all("th"))
    assert all(attributes.get("alt") for attributes in read.all("img"))
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert len(read.all("caption")) == len(read.all("table")) and read.all("html")[0]["lang"] == "en"


def test_every_part_is_shown_or_said_to_be_missing(text):
    for part in PARTS:
        assert part.title in text
    assert text.count("Not made in this run.") == len(PARTS) - 7
    assert all(f"Not made in this run. {reason}" in text for reason in ("Its rule has not run.", NO_STUDIO))
    assert "No values in this run." in text  # scores without a table


def test_what_no_section_names_is_shown_too(text):
    assert "Also made" in text and 'id="paper-new"' in text


def test_published_beside_ours(text):
    assert '<td class="number">14,910</td><td class="number">0.1</td><td class="number">-14,909.9</td>' in text
    assert '<td class="number none">not available</td>' in text


def test_the_funnel_counts_each_reason(text):
    assert "not found <b>2</b>, truncated <b>1</b>" in text and 'style="width: 85.0%"' in text


def test_a_part_says_what_made_it(text):
    assert "rule <code>table1</code>, 2001-09-09 01:46:45 UTC" in text
    assert "commit <code>0123456789abcdef</code>, with changes that are in no commit" in text
    assert "<code>collect/channels/channels.parquet</code> aaaaaaaaaaaa" in text
    assert "entry <code>#job/table1/all</code>" in text and "#job/table2/all" not in text  # the crate has one of them
    assert "and 12 more, in the record" in text  # of 52 inputs
    assert "paper.figure3.frames" in text and "/home/somebody" not in text  # no paths of the machine


def test_it_tells_its_size(page, text):
    (told,) = re.findall(r"This page is ([\d.]+) MB", text)
    assert float(told) == pytest.approx(page.stat().st_size / 1e6, abs=0.06)


def test_captions_of_videos_are_the_words(read):
    (track, _) = read.all("track")
    assert base64.b64decode(track["src"].partition(",")[2]).decode() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.900\n&lt;b&gt;first&lt;/b&gt; second\n"
    )


def test_videos_beyond_the_limit_are_pictures_with_a_link(made, tmp_path):
    results, parts = made
    small = write_page(results, parts, SETTINGS.model_copy(update={"videos_mb": 0})).read_text()
    assert "<video" not in small and "a picture alone, so that the page stays small" in small
    write_page(results, parts)


def test_of_published_records_it_says_what_cannot_be(tmp_path):
    record(tmp_path, "table3", "paper/table3.md")
    text = write_page(tmp_path, [], published=True).read_text()
    assert text.count(f"Not made in this run. {NO_VIDEOS}") == len(PARTS) - 1  # the list of jobs is always there


def test_the_same_run_gives_the_same_page(made, page, text):
    write_page(*made)
    assert page.read_text("utf-8") == text


@pytest.mark.parametrize("part", [part for part in PARTS if part.path], ids=lambda part: part.title)
def test_a_part_is_described(part):
    assert part.kind != "figure" or len(part.alt.split()) > 8
    name = Path(part.path).name
    assert part.kind == "funnel" or (ROOT / f"resources/report/{name}.rst").is_file()


def test_distributions_name_columns_of_tables():
    assert all(one.column in TABLES[one.table].names for one in DISTRIBUTIONS)
