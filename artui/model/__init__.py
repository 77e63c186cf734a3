"""The records everything else is about: what states there are, and a job. Pure data, no input or output."""
