"""The options of `msr app`, which `python app.py` takes too."""

from __future__ import annotations

import pytest

import app
from msr.schema import InputProblem
from msr.ui import launch


def test_every_option_is_explained(capsys):
    with pytest.raises(SystemExit, match="0"):
        app.main(["--help"])
    told = capsys.readouterr().out
    for option in (
        "--host",
        "--port",
        "--allow-host",
        "--proxy",
        "--auth",
        "--backbone",
        "--adapter",
        "--catalogue",
        "--limit",
        "--offline",
    ):
        assert option in told


def test_limits_are_moved_by_name():
    moved = launch.changed_limits(["max_history=5", "max_catalogue=10"])
    assert (moved.max_history, moved.max_catalogue) == (5, 10)


@pytest.mark.parametrize("option", ["max_history", "max_history=-1", "max_history=x", "max_history=0", "nothing=3"])
def test_a_limit_that_is_none_is_refused(option, capsys):
    assert app.main(["--limit", option]) == 2
    assert capsys.readouterr().err.startswith("error: --limit")


def test_accounts_come_from_a_file(tmp_path):
    file = tmp_path / "accounts"
    file.write_text("ann:secret\n\nbob:with:colon\n")
    assert launch.accounts(file) == [("ann", "secret"), ("bob", "with:colon")]
    assert launch.accounts(None) is None


@pytest.mark.parametrize(
    ("host", "options", "named"),
    [
        ("127.0.0.1", [], {"127.0.0.1"}),
        ("0.0.0.0", ["studio.lan"], {"studio.lan"}),
        ("::", [], set()),
        ("192.168.1.5", ["a.org", "b.org"], {"192.168.1.5", "a.org", "b.org"}),
    ],
)
def test_the_served_address_and_what_was_allowed_may_be_named(host, options, named):
    assert launch.allowed_hosts(host, options).allowed == named


def test_what_is_no_host_name_is_refused(capsys):
    assert app.main(["--allow-host", "https://studio.example.org"]) == 2
    assert capsys.readouterr().err.startswith("error: --allow-host: 'https://studio.example.org' is not a host name")


def test_a_proxy_is_an_address(capsys):
    assert launch.allowed_hosts("127.0.0.1", [], ["127.0.0.1", "::1"]).proxies == {"127.0.0.1", "::1"}
    assert app.main(["--proxy", "nginx"]) == 2
    assert capsys.readouterr().err.startswith("error: --proxy: 'nginx' is not an IP address")


def test_mcp_clients_cannot_sign_in(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(launch.importlib.util, "find_spec", lambda name: object())
    assert app.main(["--mcp", "--auth", str(tmp_path / "accounts")]) == 2
    assert "cannot be used with --auth" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "ann", "ann:", ":secret"])
def test_accounts_that_are_none_are_refused(content, tmp_path):
    file = tmp_path / "accounts"
    file.write_text(content)
    with pytest.raises(InputProblem, match="NAME:PASSWORD"):
        launch.accounts(file)
    with pytest.raises(InputProblem, match="cannot be read"):
        launch.accounts(tmp_path / "missing")


def test_judgements_need_a_file(capsys, tmp_path):
    assert app.main(["--reviews", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_catalogue_that_cannot_be_used_ends_at_once(capsys, tmp_path):
    assert app.main(["--catalogue", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err
