"""The room of the comparison: real requests, what both models answer to them, and what follows."""
