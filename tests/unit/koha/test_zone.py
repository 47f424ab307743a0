"""Which zone the library lives in, and what the machine is called."""

from pathlib import Path

import pytest

from gentle_nudge.errors import UserError
from gentle_nudge.koha.connect.conf import read
from gentle_nudge.koha.connect.zone import machine, machine_zone, zone
from gentle_nudge.settings.keys import Koha
from tests.unit.koha.test_conf import conf_file


def a_machine(root: Path, *, localtime: str = "", timezone: str = "") -> Path:
    (root / "etc").mkdir()
    if localtime:
        (root / "etc/localtime").symlink_to(f"/usr/share/zoneinfo/{localtime}")
    if timezone:
        (root / "etc/timezone").write_text(f"{timezone}\n", encoding="utf-8")
    return root


def test_the_settings_go_before_koha_and_koha_before_the_machine(tmp_path: Path) -> None:
    conf = read(conf_file(tmp_path, timezone="Europe/Berlin"))
    settings = Koha(timezone="America/New_York")
    assert zone(settings, conf, environ={}).key == "America/New_York"
    assert zone(Koha(), conf, environ={"TZ": "Asia/Tokyo"}).key == "Europe/Berlin"
    assert zone(Koha(), None, environ={"TZ": "Asia/Tokyo"}).key == "Asia/Tokyo"


def test_a_zone_of_koha_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="<timezone>"):
        zone(Koha(), read(conf_file(tmp_path, timezone="Mars/Olympus")), environ={})


def test_the_machine_s_zone_is_found_in_several_places(tmp_path: Path) -> None:
    root = a_machine(tmp_path, localtime="Europe/Paris", timezone="Europe/Rome")
    assert machine_zone({"TZ": ":Asia/Tokyo"}, root).key == "Asia/Tokyo"
    assert machine_zone({"TZ": "nonsense"}, root).key == "Europe/Paris"
    (root / "etc/localtime").unlink()
    assert machine_zone({}, root).key == "Europe/Rome"
    (root / "etc/timezone").unlink()
    assert machine_zone({}, root).key == "UTC"


def test_the_machine_is_called_as_the_settings_say_else_by_its_id_else_by_its_name(tmp_path: Path) -> None:
    root = a_machine(tmp_path)
    assert machine(Koha(), root)
    (root / "etc/machine-id").write_text("0123abc\n", encoding="utf-8")
    assert machine(Koha(), root) == "0123abc"
    assert machine(Koha(machine="library-server"), root) == "library-server"
