"""The mode Assisted: a person performs the steps in Box's consoles, and Box's public API shows the outcome."""
