"""One module for each form in which other tools keep requests to models."""
