"""Repeats, ratios, goals, and how all that is printed."""

import msgspec
import pytest
from bench.report import document, goals, page, table
from bench.report.results import RequestCount, Run, Spread, measured, per_case, ratio
from bench.tests.given import a_run, a_trial

REQUESTS = [
    RequestCount("operator", "simjob-operator", "create", "pods", False, 2000),
    RequestCount("controller manager", "kcm", "update", "jobs", False, 500),
    RequestCount("scheduler", "scheduler", "create", "pods/binding", False, 1000),
    RequestCount("operator", "simjob-operator", "watch", "pods", False, 3),
]


def a_whole_run() -> Run:
    ours, theirs = a_trial(all_running=9.0, said=6.0, live_when_said=0), a_trial("bare", all_running=8.0, none_live=5.0)
    ours.requests, ours.live, ours.memory = REQUESTS, [(0.0, 1), (1.0, 2)], [(0.0, 80.0), (1.0, 90.0)]
    return a_run(ours, theirs)


def test_repeats_are_summarised_by_median_and_range() -> None:
    trials = [a_trial(repeat=index, said=value) for index, value in enumerate([5.0, 3.0, 9.0])]
    assert measured(trials, "said") == Spread(3, 5, 9)


def test_a_repeat_without_the_figure_is_ignored() -> None:
    assert measured([a_trial(said=5.0), a_trial(repeat=1)], "said") == Spread(5, 5, 5)
    assert measured([a_trial()], "said") is None


def test_a_ratio_uses_medians_and_never_divides_by_zero() -> None:
    assert ratio(Spread(1, 6, 9), Spread(1, 4, 9)) == 1.5
    assert ratio(Spread(1, 6, 9), None) is None
    assert ratio(Spread(1, 6, 9), Spread(0, 0, 0)) is None


def test_only_the_same_shape_and_qps_are_compared() -> None:
    run = a_run(a_trial(cases=200), a_trial("bare", cases=200), a_trial(cases=1000))
    assert [(row.shape.cases, run.systems(row)) for row in run.rows()] == [
        (200, ["simjob", "bare"]),
        (1000, ["simjob"]),
    ]


def test_results_survive_a_round_trip_through_their_file() -> None:
    run = a_whole_run()
    assert msgspec.json.decode(msgspec.json.encode(run), type=Run) == run


def verdict(run: Run, what: str) -> goals.Verdict:
    return next(found for found in goals.judge(run) if found.what == what)


ALL_RUNNING = "1,000 cases, QPS 20: all running, to the bare client"


@pytest.mark.parametrize(
    ("seconds", "met"),
    [pytest.param(10.0, True, id="exactly at the limit"), pytest.param(10.1, False, id="above the limit")],
)
def test_a_goal_is_met_up_to_its_limit(seconds: float, met: bool) -> None:
    run = a_run(a_trial(all_running=seconds), a_trial("bare", all_running=8.0))
    assert verdict(run, ALL_RUNNING).met is met


def test_an_unmeasured_goal_is_not_met() -> None:
    run = a_run(a_trial(cases=200, all_running=1.0), a_trial("bare", cases=200, all_running=8.0))
    assert verdict(run, ALL_RUNNING).met is None
    assert verdict(run, ALL_RUNNING).word == "not measured"


def test_reporting_too_early_once_fails_the_goal() -> None:
    run = a_run(a_trial(live_when_said=0), a_trial(repeat=1, live_when_said=1), a_trial("plain", live_when_said=900))
    assert verdict(run, "pods live when it said CANCELLED or made later, in any trial").met is False


def test_a_budget_applies_to_the_worst_repeat() -> None:
    trials = [
        a_trial(scenario="middle", cases=10_000, repeat=index, said=value) for index, value in enumerate([1, 2, 11])
    ]
    found = verdict(a_run(*trials), "cancel of 10,000 cases, 500 live: CANCELLED")
    assert (found.found, found.met) == ("11.00 s", False)


def test_the_table_compares_figures_with_the_reference() -> None:
    text = table.text(a_whole_run())
    assert "live: 1,000 cases; pods run until deleted, stop at once; controller manager at QPS 20" in text
    assert "9.00 1.12x" in text
    # Its word is held against the bare client's last live pod.
    assert "6.00 1.20x" in text


def test_the_table_shows_requests_by_verb_only_for_complete_trials() -> None:
    run = a_whole_run()
    assert "controller manager: update" not in table.text(run)
    run.trials[0].measures |= {"requests_per_case": 2.0, "all_per_case": 2.5}
    lines = [" ".join(line.split()) for line in table.text(run).splitlines()]
    assert "its own requests per case: create 2.00 -" in lines
    assert "controller manager's requests per case: update 0.50 -" in lines


def test_a_range_is_printed_where_repeats_differ() -> None:
    run = a_run(a_trial(said=2.0), a_trial(repeat=1, said=4.0), a_trial(repeat=2, said=3.0))
    assert "3.00 (2.00-4.00)" in table.text(run)


def test_a_failed_trial_is_named() -> None:
    failed = a_trial()
    failed.problem = "not within 5 s: pods do not run"
    run = a_run(failed)
    assert table.problems(run) == [f"{table.heading(failed.row)}: simjob, repeat 1: not within 5 s: pods do not run"]
    assert failed.problem in document.render(run)
    assert failed.problem in page.render(run)


def test_requests_per_case_are_counted_by_verb_without_other_clients() -> None:
    assert per_case(a_whole_run().trials[0]) == {"create": 2.0, "controller manager: update": 0.5}


def test_the_page_has_a_table_and_three_plots_for_each_row() -> None:
    text = page.render(a_whole_run())
    assert text.count("<svg") == 3
    assert "live pods" in text
    assert "requests per case" in text
    assert text == page.render(a_whole_run())


def test_the_document_names_machine_commit_and_command() -> None:
    text = document.render(a_whole_run())
    for expected in ("2 cores (a CPU)", "commit abc", "`make bench`", f"| {ALL_RUNNING} | ≤ 1.25x | 1.12x | met |"):
        assert expected in text


def test_ten_simultaneous_sweeps_are_compared_with_one_of_the_same_total_size() -> None:
    ended = {"first_apart": 0.3, "lag_max_ms": 70.0, "leader_changes": 0.0}
    cancelled = a_trial(scenario="many-cancels", cases=1000, sweeps=10, none_live=40.0, said=41.0)
    deleted = a_trial(scenario="many-deletions", cases=1000, sweeps=10, deleted=True, none_live=60.0)
    for trial in (cancelled, deleted):
        trial.measures |= ended
    run = a_run(
        cancelled,
        a_trial(scenario="many-cancels", cases=10_000, none_live=40.0, said=40.0),
        deleted,
        a_trial(scenario="many-deletions", cases=10_000, deleted=True, none_live=45.0),
    )
    found = {one.what: (one.found, one.word) for one in goals.judge(run) if "ten sweeps" in one.what}
    assert found == {
        "ten sweeps of 1,000 cancelled at once: no pod live, to one of 10,000": ("1.00x", "met"),
        "ten sweeps of 1,000 cancelled at once: CANCELLED, to one of 10,000": ("1.02x", "met"),
        "ten sweeps of 1,000 cancelled at once: first signals apart": ("0.30 s", "met"),
        "ten sweeps of 1,000 cancelled at once: answer of /healthz, worst": ("70 ms", "met"),
        "ten sweeps of 1,000 cancelled at once: changes of the leader": ("0", "met"),
        "ten sweeps of 1,000 deleted at once: no pod live, to one of 10,000": ("1.33x", "NOT MET"),
        "ten sweeps of 1,000 deleted at once: first signals apart": ("0.30 s", "met"),
        "ten sweeps of 1,000 deleted at once: answer of /healthz, worst": ("70 ms", "met"),
        "ten sweeps of 1,000 deleted at once: changes of the leader": ("0", "met"),
    }


def test_a_deletion_series_is_named_in_its_heading_and_files() -> None:
    trial = a_trial(scenario="many-deletions", cases=1000, sweeps=10, deleted=True)
    assert "deleted, not cancelled" in table.heading(trial.row)
    assert trial.name == "many-deletions-1000-deleted-qps20-simjob-1"
