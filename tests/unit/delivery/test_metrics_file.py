"""Figures as Prometheus reads them, in a file."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gentle_nudge.delivery.metrics_file import Figures, metrics, metrics_findings, write_metrics
from gentle_nudge.delivery.outlet import DeliveryFailed
from gentle_nudge.domain.report_row import ReportKind
from gentle_nudge.domain.run import RecordedRun, RunCounts

NIGHT = datetime(2026, 11, 22, 5, tzinfo=UTC)
RUN = RecordedRun(
    id=1,
    section="north",
    report=ReportKind.UPDATE,
    day=NIGHT.date(),
    number=1,
    started=NIGHT,
    finished=NIGHT,
    late=False,
    who=None,
    counts=RunCounts(numbers={"patrons": 12}),
)


def test_the_figures_come_out_as_prometheus_reads_them() -> None:
    figures = Figures(
        night=NIGHT,
        well=False,
        runs=(RUN,),
        open_cases={"north": 12},
        late=frozenset({"north"}),
        deliveries={"due": 1, "failed": 2},
    )
    lines = [line for line in "".join(metrics(figures)).splitlines() if not line.startswith("#")]
    assert lines == [
        "gentle_nudge_night_success 0",
        "gentle_nudge_night_timestamp_seconds 1795323600",
        'gentle_nudge_run_timestamp_seconds{section="north",report="update"} 1795323600',
        'gentle_nudge_run_rows{section="north",report="update"} 12',
        'gentle_nudge_open_cases{section="north"} 12',
        'gentle_nudge_submission_late{section="north"} 1',
        'gentle_nudge_deliveries{state="due"} 1',
        'gentle_nudge_deliveries{state="failed"} 2',
    ]


def test_every_figure_is_explained() -> None:
    text = "".join(metrics(Figures(night=NIGHT, well=True)))
    assert text.count("# HELP ") == text.count("# TYPE ") == 7


def test_odd_names_are_escaped() -> None:
    figures = Figures(night=NIGHT, well=True, deliveries={'a"b\\c\n': 1})
    assert 'state="a\\"b\\\\c\\n"' in "".join(metrics(figures))


def test_the_metrics_file_is_replaced_whole_and_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "gentle_nudge.prom"
    path.write_text("old")
    write_metrics(path, Figures(night=NIGHT, well=True))
    assert path.read_text().startswith("# HELP gentle_nudge_night_success")
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_place_of_the_metrics_file_or_its_folder_is_neither_followed_nor_replaced(tmp_path: Path) -> None:
    folder, other = tmp_path / "collector", tmp_path / "other"
    folder.mkdir()
    other.write_text("theirs")
    link = folder / "gentle_nudge.prom"
    link.symlink_to(other)
    way = tmp_path / "link"
    way.symlink_to(folder)
    for path, named in ((link, link), (way / "another.prom", way)):
        with pytest.raises(DeliveryFailed, match=f"{named.name} is a symbolic link"):
            write_metrics(path, Figures(night=NIGHT, well=True))
    assert other.read_text() == "theirs"
    assert list(folder.iterdir()) == [link]
    assert link.is_symlink()


def test_a_metrics_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed, match="No such file or directory"):
        write_metrics(tmp_path / "none" / "gentle_nudge.prom", Figures(night=NIGHT, well=True))


@pytest.mark.parametrize("ours", ["nothing", "file", "folder"])
def test_in_a_sticky_folder_only_the_owner_replaces_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: str
) -> None:
    file, us = tmp_path / "nudge.prom", os.geteuid() + 1
    file.touch()
    if ours != "nothing":
        if os.geteuid() != 0:
            pytest.skip("giving files away is for root")
        os.chown(file if ours == "file" else tmp_path, us, -1)
    monkeypatch.setattr(os, "geteuid", lambda: us)
    assert list(metrics_findings(file)) == []
    tmp_path.chmod(0o1777)
    assert [finding.name for finding in metrics_findings(file)] == ["metrics-not-writable"] * (ours == "nothing")
