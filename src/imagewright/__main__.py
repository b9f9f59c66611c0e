"""`python -m imagewright`."""

from imagewright.cli import main

main()
