"""The pages under `/ui`, for people: plain HTML that needs no JavaScript."""
