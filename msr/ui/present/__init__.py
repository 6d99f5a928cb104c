"""Present and Report: what can be done with any run, whichever tab shows it."""
