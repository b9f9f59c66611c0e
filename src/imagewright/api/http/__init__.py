"""The HTTP face: the OpenAI Images API, files, links, health and metrics."""
