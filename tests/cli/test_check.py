"""`segue check`: every problem where it stands, before a service meets it."""

from collections.abc import Callable

from cli.support import Run, configuration

GOOD = configuration("http://127.0.0.1:9")
BAD = GOOD.replace("models:\n", "modles:\n").replace("priority: 2", "priority: -1")


def test_a_good_file_is_valid(run: Run, write: Callable):
    write(GOOD)
    shown = run("check")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == "segue.yaml: valid; providers: 3, model names: 1\n"


def test_every_problem_is_a_line_with_its_place_on_standard_error(run: Run, write: Callable):
    write(BAD)
    shown = run("check", "segue.yaml")
    assert (shown.code, shown.out) == (1, "")
    lines = shown.err.splitlines()
    assert len(lines) == 2
    assert any(line.startswith("segue.yaml:14: providers.backup.priority: ") for line in lines)
    assert any(line.startswith("segue.yaml:16: modles: ") and "'models'" in line for line in lines)


def test_json_has_file_line_and_message(run: Run, write: Callable):
    write(BAD)
    shown = run("check", "--json")
    assert shown.code == 1
    assert shown.json["ok"] is False
    assert {(one["file"], one["line"]) for one in shown.json["problems"]} == {("segue.yaml", 14), ("segue.yaml", 16)}
    assert not shown.err


def test_warnings_are_shown_and_harm_nothing(run: Run, write: Callable):
    write(GOOD + "  gpt-4o: backup/gpt-4o-mini\n")
    shown = run("check")
    assert shown.code == 0
    assert shown.err.startswith("warning: segue.yaml:18: ")
    assert run("check", "--json").json["warnings"][0]["line"] == 18


def test_a_variable_that_is_not_set_is_a_problem_and_its_value_is_never_shown(run: Run, write: Callable):
    write(GOOD.replace("sk-primary-1", '"${MY_SECRET}"'))
    assert "MY_SECRET" in run("check").err
    shown = run("check", MY_SECRET="sk-very-secret-value")
    assert shown.code == 0
    assert "sk-very-secret-value" not in shown.out + shown.err


def test_a_missing_file_is_named(run: Run):
    shown = run("check", "nowhere.yaml")
    assert shown.code == 1
    assert shown.err.startswith("nowhere.yaml: ")


def test_nothing_is_written_and_nobody_is_called(run: Run, write: Callable, tmp_path):
    write(GOOD)
    run("check")
    assert [path.name for path in tmp_path.iterdir()] == ["segue.yaml"]
