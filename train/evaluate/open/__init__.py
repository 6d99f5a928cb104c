"""The benchmark of everyday things: what the model says of pictures and titles that no training saw."""
