"""A sandbox that plays Box: the Console API, and the part of Box's public API that App Tokens touch.

For demo and tests. Every behaviour names its source or says "assumed"; the operator never imports this package.
"""

from box_sandbox.app import create_app
from box_sandbox.config import SandboxConfig

__all__ = ["SandboxConfig", "create_app"]
