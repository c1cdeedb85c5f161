"""``alertbot doctor``: what it tries, a module for each thing that may be wrong."""
