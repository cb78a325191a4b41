"""Is a hand-written backward right, and if not, where is it wrong?"""
