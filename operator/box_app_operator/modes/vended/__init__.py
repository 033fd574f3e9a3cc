"""The mode Vended: a vendor beside Box gives out short-lived tokens of an app that is not seen."""
