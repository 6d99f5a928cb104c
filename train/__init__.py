"""From interaction logs and pictures to the adapters that `msr` runs."""
