#!/bin/sh
# Prints the version, which stands in src/imagewright/__init__.py alone: version.sh [TAG]
# Fails where a tag is another, or where the changelog of a tagged version does not begin with it
# and put Security first.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' src/imagewright/__init__.py)
case $version in
*[!0-9a-z.]* | "") echo "version: there is none in src/imagewright/__init__.py" >&2 && exit 1 ;;
esac
if [ $# -gt 0 ]; then
    [ "$1" = "v$version" ] || { echo "version: the tag is $1, the program $version" >&2; exit 1; }
    grep -q "^## \[$version\]" CHANGELOG.md ||
        { echo "version: CHANGELOG.md has no section [$version]" >&2; exit 1; }
fi
# Of each version's headings, Security is the first where it has one.
awk '/^## /{first=1; next} /^### /{if ($2 == "Security" && !first) bad=1; first=0} END{exit bad}' \
    CHANGELOG.md || { echo "version: Security stands first in a version's changes" >&2; exit 1; }
echo "$version"
