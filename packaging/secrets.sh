#!/bin/sh
# Looks for keys and tokens in what is committed; tests hold examples, which open nothing.
# `pragma: allowlist secret` in a line says that a person looked at it.
set -eu
cd "$(dirname "$0")/.."
found=$(git ls-files -z -- . ':!tests' ':!packaging/requirements*.txt' ':!docs/images' |
    xargs -0 detect-secrets-hook --disable-plugin KeywordDetector \
        --disable-plugin HexHighEntropyString --disable-plugin Base64HighEntropyString 2>&1) || {
    echo "$found" >&2
    exit 1
}
