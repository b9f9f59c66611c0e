"""Delivery of job ids to workers; the jobs table stays the truth."""
