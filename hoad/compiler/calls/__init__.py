"""From a Python call with arrays to native code and back: ``call`` makes builtin functions, ``runner`` runs code in parts.

``call.c`` is what the builtin functions are made of, ``blocks.c`` the memory of their results, ``stub`` compiles and checks both.
"""
