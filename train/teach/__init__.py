"""What the model is taught: labelled pictures, target texts and the tasks made of them."""
