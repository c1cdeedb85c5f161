"""``alertbot doctor``: tries everything live, and says in one line a check what is wrong and how to mend it."""
