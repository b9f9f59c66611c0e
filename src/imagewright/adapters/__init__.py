"""Technology behind the ports: each room speaks to one kind of thing outside."""
