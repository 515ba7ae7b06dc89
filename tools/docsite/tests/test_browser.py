import pytest
from docsite import browser


def test_without_a_browser_the_message_says_how_make_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "path", lambda: None)
    with pytest.raises(FileNotFoundError, match="make browser"), browser.started():
        pass


def test_without_root_nothing_is_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(browser, "path", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert browser.main() == 1
    assert "make browser" in capsys.readouterr().err


def test_an_installed_browser_is_not_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "path", lambda: "/usr/bin/chromium")
    assert browser.main() == 0
