"""Three depths at which properties are searched: `pytest --hypothesis-profile=thorough`."""

from hypothesis import HealthCheck, settings

# A deadline would measure the machine and not the code.
settings.register_profile(
    "quick",
    deadline=None,
    max_examples=50,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=300)
settings.register_profile(
    "searching", settings.get_profile("thorough"), derandomize=False, max_examples=5000
)
settings.load_profile("quick")
