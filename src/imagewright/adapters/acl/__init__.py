"""The ACL file: read, checked, watched; the last good one stays in force."""
