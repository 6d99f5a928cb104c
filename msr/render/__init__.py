"""HTML of what is measured and made: helpers, figures and the report, the same in the page and in a file."""
