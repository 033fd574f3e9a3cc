"""How big are the rooms, how long its functions, and how far goes a manifest until it is a Secret?"""
