"""Pictures inspected, transformed and drawn in jailed worker processes.

`vips` is the port, `workers` and `process` hold the other end; `worker` runs in the jail and loads
`pictures`, `drawing`, `scene` and `caption`. `formats` and `frames` serve both sides.
"""
