"""From arrays defined by formulas to loops: which arrays are stored, which loops compute them, and what one point of a loop does.

``index`` affine index maps; ``scalar`` expressions at one point; ``values`` arrays defined by formulas; ``roots`` which of them
are stored; ``kernels`` loops over boxes of points in which no boundary is left.
"""
