"""What the audience sees, and how it interrupts."""
