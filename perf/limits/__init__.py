"""What the machine could do without us: the raw paths that results are compared with."""
