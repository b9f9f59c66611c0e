"""Who calls: tokens and OIDC turned into a caller."""
