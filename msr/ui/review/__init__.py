"""The Review tab: people judge what the model wrote."""
