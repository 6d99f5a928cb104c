"""How each kind of evidence is drawn."""
