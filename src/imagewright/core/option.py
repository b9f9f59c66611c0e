"""What a catalogue tells a provider's adapter about a model, beyond what every model has."""

Option = str | int | float | bool
"""The value of an option: its name and meaning are the adapter's own."""
