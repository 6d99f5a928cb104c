"""The model in training: batches, losses, the loop, and what a run leaves behind."""
