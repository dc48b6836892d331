"""How hoad behaves: one file for each thing that is guarded."""
