"""Stories in which nothing goes wrong: a calm home keeps its leader."""

from tests.simulation.stage import Stage


def test_a_home_that_rested_for_long_keeps_its_leader_when_something_happens() -> None:
    stage = Stage(3)
    stage.start()
    leader = stage.hub(1)
    stage.leads(leader, 1)
    stage.world.submit(leader)
    stage.has_final(leader, 1)
    for _ in range(5):
        before = len(stage.runner(leader).disk.finals)
        stage.wait(60_000)
        stage.world.submit(leader)
        stage.has_final(leader, before + 1)
        stage.wait(60_000)
    assert (stage.runner(leader).core.role, stage.runner(leader).core.term) == ("leader", 1)
