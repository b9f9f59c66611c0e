"""What every part of the authorization server works with."""

from collections.abc import Callable
from dataclasses import dataclass

from imagewright.ports.audit import Note
from imagewright.ports.clock import Clock
from imagewright.ports.vault import Vault

RandomText = Callable[[], str]
"""A new secret of 256 bits or an id, in letters that an address may hold."""
NO_CREDENTIAL = "none"
"""Stands in the audit where nobody has shown one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """`note` enters a line into the audit, which no request waits for."""

    vault: Vault
    clock: Clock
    random: RandomText
    note: Callable[[Note], None]
