"""Start it: ``python -m box_app_operator``."""

from box_app_operator.cli import main

if __name__ == "__main__":
    main(prog_name="box-app-operator")
