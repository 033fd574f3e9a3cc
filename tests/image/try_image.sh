#!/usr/bin/env bash
# Run an image as strictly as the chart does, and let inside.py look at it. Needs Docker; the workflows have it.
#
#   try_image.sh IMAGE [VERSION]
set -euo pipefail
image=$1
version=${2:-}
cd "$(dirname "$0")/../.."

run() {
  docker run --rm --read-only --network none --cap-drop ALL --security-opt no-new-privileges "$@"
}

said=$(run "$image" --version)
echo "$said"
if [ -n "$version" ]; then
  test "$said" = "box-app-operator, version $version"
  test "$(docker inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' "$image")" = "$version"
fi

run --volume "$PWD/constraints.txt:/look/constraints.txt:ro" --volume "$PWD/tests/image/inside.py:/look/inside.py:ro" \
  --entrypoint python "$image" /look/inside.py /look/constraints.txt /

# Nothing is given to it, so it gets as far as looking for a cluster: exit code 1 in docs/configuration.md.
code=0
run "$image" || code=$?
test "$code" = 1
