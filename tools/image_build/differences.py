"""What differs from the image that a release builds: docs/image.md has the same list."""

from collections.abc import Iterator

from image_build.base import Base


def list_differences(base: Base) -> Iterator[str]:
    """Every difference as a sentence for people."""
    yield f"The base is made of Debian's own packages ({base.suite}), not Python's slim image."
    yield f"Python {base.python} is Debian's build of it, in Debian's patch version, moved from /usr to /usr/local."
    yield "Debian's Python looks into dist-packages, not site-packages; a link makes them one folder."
    yield "There is no apt, and dpkg's list of files does not know that Python was moved."
    yield "There is an empty /etc/pip.conf."
    yield "The variables PYTHON_VERSION, PYTHON_SHA256 and GPG_KEY of Python's image are not set."
    yield "The labels base.name and base.digest name this base, and there is the label io.buildah.version."
    yield "Buildah ran the steps, not BuildKit. Layers, dates and digests are others, and no signature exists."
    yield "It is for the platform of the machine that built it."
