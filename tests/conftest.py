"""What every test shares."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "tests.house.skips"]

# How fast a machine makes examples says nothing of the code under test.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
