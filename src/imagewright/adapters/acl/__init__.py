"""The access list read from disk and watched, the last good one kept."""
