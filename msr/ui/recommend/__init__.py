"""The Recommend tab: a history in, a preference and ranked, explained items out."""
