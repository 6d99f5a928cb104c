"""Items by their titles, over many domains: what a title states, and how an item is described by it."""
