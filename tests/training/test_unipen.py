from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from digitrec.errors import DatasetError
from digitrec.training.data.unipen import load_json_characters, load_unipen, smooth

DIGITS = "0123456789"


def write_json(path: Path, records: list[object]) -> None:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def record(label: str = "1", contributor: str = "aga", writer: str = "aga_000") -> dict[str, object]:
    strokes = [[[0, 0], [3, 9], [4, 20]], [[0, 10], [8, 10]]]
    return {"label": label, "strokes": strokes, "contrib": contributor, "writer": writer}


def write_json_folder(folder: Path, digits: list[object]) -> None:
    write_json(folder / "digits.jsonl.gz", digits)
    for name in ("upper", "lower", "symbols"):
        write_json(folder / f"{name}.jsonl.gz", [])


def write_release(folder: Path, segments: str, writers: tuple[str, ...] = ("w1", "w2")) -> None:
    for writer in writers:
        data = folder / "data" / "1a" / "aga" / f"{writer}.dat"
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_text(f".INCLUDE aga/data/{writer}.dat\n{segments}")
        image = folder / "include" / "aga" / "data" / f"{writer}.dat"
        image.parent.mkdir(parents=True, exist_ok=True)
        strokes = "".join(f".PEN_DOWN\n{n} 0 9\n{n} {n + 1} 9\n{n} 7 9\n.PEN_UP\n" for n in range(10))
        image.write_text(f".WRITER_ID {writer}\n.COORD X Y T\n{strokes}")


ALL_SEGMENTS = "".join(f'.SEGMENT CHARACTER {n} ? "{n}"\n' for n in range(10))


def test_rejects_a_folder_without_all_digits_by_several_writers(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected digits.jsonl.gz there, or the folders"):
        load_unipen(tmp_path)
    for digits in (
        [record(label, writer=writer) for label in DIGITS[:9] for writer in "ab"],
        map(record, DIGITS),
    ):
        write_json_folder(tmp_path, digits)
        with pytest.raises(DatasetError, match="all ten digits by several writers"):
            load_unipen(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "5",
        "{}",
        '{"label": "12", "strokes": [], "writer": "a"}',
        '{"label": "1", "strokes": 3, "writer": "a"}',
        '{"label": "1", "strokes": [[[0, null]]], "writer": "a"}',
        '{"label": "1", "strokes": [[[0, 1, 2]]], "writer": "a"}',
        '{"label": "1", "strokes": [[[0, 1e999]]], "writer": "a"}',
    ],
)
def test_names_the_file_and_line_of_a_bad_record(tmp_path: Path, line: str) -> None:
    path = tmp_path / "digits.jsonl"
    path.write_text(json.dumps(record()) + "\n" + line + "\n")
    with pytest.raises(DatasetError, match=r"digits.jsonl, line 2: expected"):
        load_json_characters(path)


def test_rejects_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "digits.jsonl.gz"
    write_json(path, [record()] * 50)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DatasetError, match="Download the file again"):
        load_json_characters(path)


def test_reads_strokes_as_they_are_but_for_the_contributor_with_lost_ones(tmp_path: Path) -> None:
    digits = [record(label, writer=writer) for label in DIGITS for writer in "ab"]
    write_json_folder(tmp_path, [*digits, record(contributor="ibm", writer="ibm_0")])
    characters = load_unipen(tmp_path)
    assert len(characters) == 20
    assert characters[0].strokes[0].tolist() == [[0, 0], [3, 9], [4, 20]]
    assert {character.writer for character in characters} == {"a", "b"}


def test_smoothing_removes_stairs_and_keeps_the_ends() -> None:
    steps = np.repeat(np.arange(40), 2)
    stairs = np.stack([steps[:-1], steps[1:]], axis=1).astype(np.float32)
    smoothed = smooth(stairs, 2.0)
    distance = np.abs(smoothed[:, 0] - smoothed[:, 1]) / np.sqrt(2)
    assert np.ptp(distance[8:-8]) < 0.1
    assert np.abs(smoothed[[0, -1]] - stairs[[0, -1]]).max() < 1.5
    for count in (1, 2, 3):
        dot = np.zeros((count, 2), np.float32)
        assert np.array_equal(smooth(dot, 1.0), dot)


def test_reads_the_release(tmp_path: Path) -> None:
    write_release(tmp_path, ALL_SEGMENTS)
    characters = load_unipen(tmp_path)
    assert [(c.label, c.writer) for c in characters[:2]] == [("0", "aga_w1"), ("1", "aga_w1")]
    assert {c.writer for c in characters} == {"aga_w1", "aga_w2"}
    assert characters[3].strokes[0].tolist() == [[3, 0], [3, -4], [3, -7]]  # y is turned downwards


def test_reads_segments_of_several_components_and_of_points(tmp_path: Path) -> None:
    extra = '.SEGMENT CHARACTER 2-3,5 ? "4"\n.SEGMENT CHARACTER 6:1-7:0 ? "\\""\n'
    write_release(tmp_path, ALL_SEGMENTS + extra)
    four, quote = load_unipen(tmp_path)[10:12]
    assert [stroke[0, 0] for stroke in four.strokes] == [2, 3, 5]
    assert quote.label == '"'
    assert [len(stroke) for stroke in quote.strokes] == [2, 1]


def test_rejects_a_release_with_a_wrong_segment_or_a_missing_file(tmp_path: Path) -> None:
    write_release(tmp_path, ALL_SEGMENTS + '.SEGMENT CHARACTER 8-10 ? "1"\n')
    with pytest.raises(DatasetError, match="components 0 to 9. Received: 8-10"):
        load_unipen(tmp_path)
    (tmp_path / "include" / "aga" / "data" / "w1.dat").unlink()
    with pytest.raises(DatasetError, match=r"w1.dat. Received: No such file"):
        load_unipen(tmp_path)


def test_the_real_set_has_many_writers_of_digits() -> None:
    path = Path(os.environ.get("DIGITREC_UNIPEN", "unipen")) / "digits.jsonl.gz"
    if not path.is_file():
        pytest.skip("needs UNIPEN: set DIGITREC_UNIPEN to the folder of its JSON lines")
    digits = load_json_characters(path)
    assert {digit.label for digit in digits} == set(DIGITS)
    assert len({digit.writer for digit in digits}) > 200
