"""The proxy through which a service without a network reaches what its settings name."""
