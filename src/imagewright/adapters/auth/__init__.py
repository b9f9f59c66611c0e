"""Who a bearer token is: mapped tokens, and the chain that asks each source in turn."""
