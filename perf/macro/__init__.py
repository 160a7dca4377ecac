"""The product measured from outside, through its public API."""
