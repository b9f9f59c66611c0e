import pytest

ONE_SKIPPED = """
    import pytest

    def test_runs():
        pass

    @pytest.mark.skip(reason="no engine here")
    def test_cannot():
        pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makeconftest('pytest_plugins = ["tests.house.skips"]')
    return pytester


def test_a_skip_is_named_with_its_reason_and_counted(suite: pytest.Pytester) -> None:
    suite.makepyfile(ONE_SKIPPED)
    result = suite.runpytest()
    result.stdout.fnmatch_lines(["!*1 NOT RUN*!", "*::test_cannot: no engine here"])
    assert result.ret == pytest.ExitCode.OK


def test_a_skip_fails_the_run_in_ci(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(ONE_SKIPPED)
    result = suite.runpytest()
    result.stdout.fnmatch_lines(["CI is set: what was not run counts as failed"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_module_that_skips_itself_is_named_too(suite: pytest.Pytester) -> None:
    suite.makepyfile('import pytest\npytest.skip("no server", allow_module_level=True)')
    result = suite.runpytest()
    result.stdout.fnmatch_lines(["!*1 NOT RUN*!", "*: no server"])


def test_nothing_is_said_when_everything_ran(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile("def test_runs():\n    pass")
    result = suite.runpytest()
    result.stdout.no_fnmatch_line("*NOT RUN*")
    assert result.ret == pytest.ExitCode.OK
