"""What every endpoint needs: routes, answers in Box's shapes, who calls, and what happens on the way."""
