"""The base of all other subpackages: numbers, checked arguments, parameters, tapes; and the legend.

======  =============================  ======  =====================
letter  meaning                        letter  meaning
======  =============================  ======  =====================
``B``   batch                          ``H``   hidden size
``T``   time steps                     ``L``   layers
``D``   input size                     ``K``   outputs, classes
======  =============================  ======  =====================

Every error says where, what was expected, what was given, and what to do. Public functions check
their arguments once; internal functions do not check again.
"""
