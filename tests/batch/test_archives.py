"""Archives are read without unpacking, and malicious archives do no harm."""

from __future__ import annotations

import io
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from digitrec import InputLimits
from digitrec.batch.inputs import iter_inputs
from digitrec.batch.task import InputItem

IMAGE = b"\x89PNG\r\n\x1a\n etc."
TARS = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}


def found(path: Path) -> list[InputItem]:
    return list(iter_inputs([str(path)]))


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tar_of(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def archive_of(path: Path, files: dict[str, bytes]) -> Path:
    return zip_of(path, files) if path.suffix == ".zip" else tar_of(path, files, TARS["".join(path.suffixes)])


def archives_of(folder: Path, files: dict[str, bytes]) -> Iterator[Path]:
    yield zip_of(folder / "a.zip", files)
    yield tar_of(folder / "a.tar", files)


@pytest.mark.parametrize("suffix", [".zip", *TARS])
def test_invalid_archive_is_one_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"not an archive" * 100)
    (only,) = found(path)
    assert only.name == str(path)
    assert only.error.startswith("expected a complete ")


@pytest.mark.parametrize("suffix", [".zip", *TARS])
def test_files_keep_their_names_order_and_bytes(tmp_path: Path, suffix: str) -> None:
    files = {"b/2.png": IMAGE, "b/1.png": b"", "._2.png": b"of macOS", "__MACOSX/1.png": b"too"}
    path = archive_of(tmp_path / f"a{suffix}", files)
    assert found(path) == [InputItem(f"{path}/b/2.png", IMAGE), InputItem(f"{path}/b/1.png", b"")]
    assert len(list(iter_inputs([str(path)], contents=False))) == 2


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_truncated_archive_gives_its_complete_files_and_an_error(tmp_path: Path, suffix: str) -> None:
    files = {f"{number}.png": bytes(range(256)) * (40 + number) for number in range(40)}
    path = archive_of(tmp_path / f"a{suffix}", files)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert found(path)[-1].error.startswith("expected a complete ")


@pytest.mark.parametrize(
    "name", ["../out.png", "a/../../out.png", "/etc/out.png", "C:\\out.png", "..\\out.png"]
)
def test_path_traversal_is_an_error_and_the_others_are_read(tmp_path: Path, name: str) -> None:
    for path in archives_of(tmp_path, {name: IMAGE, "1.png": IMAGE}):
        outside, inside = found(path)
        assert "which leads outside" in outside.error
        assert inside == InputItem(f"{path}/1.png", IMAGE)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.tar", "a.zip"]


def test_links_and_devices_are_errors(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            entry = tarfile.TarInfo("passwd.png")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    link = zipfile.ZipInfo("passwd.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zip_archive:
        zip_archive.writestr(link, "/etc/passwd")
    errors = [item.error for name in ("a.tar", "a.zip") for item in found(tmp_path / name)]
    assert ["Received: a link or a device" in error for error in errors] == [True] * 5


def test_nested_archive_is_an_error(tmp_path: Path) -> None:
    assert [found(path) for path in archives_of(tmp_path, {})] == [[], []]
    for path in archives_of(tmp_path, {"more.zip": b"PK", "more.tar.gz": b"\x1f\x8b"}):
        assert ["an archive inside an archive" in item.error for item in found(path)] == [True, True]


def test_archive_bomb_is_an_error_and_takes_no_memory(tmp_path: Path) -> None:
    bomb = bytes(50_000_000)
    paths = [
        *archives_of(tmp_path, {"bomb.bmp": bomb}),
        tar_of(tmp_path / "b.tgz", {"bomb.bmp": bomb}, "w:gz"),
    ]
    del bomb
    tracemalloc.start()
    for path in paths:
        (only,) = found(path)
        assert "expected an image file of at most 10,000,000 bytes" in only.error
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_zip_with_a_false_size_is_an_error(tmp_path: Path) -> None:
    size = InputLimits().max_image_bytes + 1
    path = zip_of(tmp_path / "a.zip", {"bomb.bmp": bytes(size)})
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), (9).to_bytes(4, "little")))
    (only,) = found(path)
    assert (bool(only.error), only.source) == (True, b"")


def test_zip_of_overlapping_files_is_a_bomb(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": random.Random(0).randbytes(9999)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.infolist().extend(archive.infolist() * 100)
        archive._didModify = True
    (only,) = found(path)
    assert "share their bytes" in only.error


def test_encrypted_file_is_one_error(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": IMAGE})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    (only,) = found(path)
    assert only.name == f"{path}/1.png"
    assert "encrypted" in only.error


def test_tar_with_a_huge_name_takes_no_memory(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 200_000_000
    with tarfile.open(tmp_path / "a.tgz", "w:gz", compresslevel=1) as archive:
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    tracemalloc.start()
    (only,) = found(tmp_path / "a.tgz")
    assert "as in an archive bomb" in only.error
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_tar_bomb_is_not_read_to_its_end(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.xz", "w:xz", preset=0) as archive:
        for name in ("1.bin", "2.bin"):
            entry = tarfile.TarInfo(name)
            entry.size = 120_000_000
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    assert "as in an archive bomb" in found(tmp_path / "a.tar.xz")[-1].error
