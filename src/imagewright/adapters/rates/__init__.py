"""Request rates: counted in this process, or in Valkey for several."""
