"""Do the README's two commands work every time, also on a machine that is busy with something else?"""
