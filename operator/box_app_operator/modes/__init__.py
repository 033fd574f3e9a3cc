"""One folder per mode: how an app is looked at, what is decided about it, and which calls that takes."""
