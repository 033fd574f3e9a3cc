"""``python -m image_build build | differences``."""

import sys
from pathlib import Path

import click

from image_build.build import TAG, build_image, export
from image_build.machine import Unavailable


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.group()
def main() -> None:
    """The operator's image for trying things, without Docker and without a registry. Needs root."""


@main.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where the archive goes.")
@click.option("--tag", default=TAG, show_default=True, help="The name of the image in the archive.")
def build(output: Path | None, tag: str) -> None:
    """Build the image, and print where its archive is; `ctr images import` and `docker load` take it."""
    try:
        image = build_image(_say, tag)
    except (Unavailable, RuntimeError) as error:
        _say(str(error))
        sys.exit(1)
    if output is not None:
        export(image, output)
    _say("\n".join(["What differs from the image of a release:", *(f"  - {line}" for line in image.differences)]))
    click.echo(output or image.archive)


if __name__ == "__main__":
    main(prog_name="image_build")
