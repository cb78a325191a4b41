"""What everything else stands on: numbers, checked arguments, parameters, tapes; and the legend.

======  =============================  ======  =====================
letter  meaning                        letter  meaning
======  =============================  ======  =====================
``B``   batch                          ``H``   hidden size
``T``   time steps                     ``L``   layers
``D``   input size                     ``K``   outputs, classes
======  =============================  ======  =====================

Every error says where, what was expected, what came, and what to do. Checks run once, at the public
boundary; the functions behind it assume.
"""
