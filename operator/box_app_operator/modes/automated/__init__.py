"""The mode Automated: a console endpoint performs the steps in Box's Developer Console."""
