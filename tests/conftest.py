"""What every test shares."""

import signal

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "tests.house.skips"]

# How fast a machine makes examples says nothing of the code under test.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# Whatever started the tests may ignore it, and the programs that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
