"""Pure decisions: what an app should look like and which step comes next. No I/O, no clock."""
