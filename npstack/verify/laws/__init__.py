"""Laws that hold for every layer, and the code that tests them."""
