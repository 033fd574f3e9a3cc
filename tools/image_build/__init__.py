"""The image without Docker and without a registry: the Dockerfile's own steps, on a base made from Debian packages."""

from image_build.build import TAG, Image, build_image
from image_build.machine import Unavailable, why_unavailable

__all__ = ["TAG", "Image", "Unavailable", "build_image", "why_unavailable"]
