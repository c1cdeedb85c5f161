"""The database: samples as the grid, everything else as ordinary tables. The only SQL stands here.

Functions take the database first. Those that write open no transaction of their own: ``Store.do`` does, one for each
piece of work.
"""
