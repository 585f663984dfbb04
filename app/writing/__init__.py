"""How text and numbers are written: safe markup, worked formulas, numbers."""
