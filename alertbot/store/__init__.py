"""The database: samples as the grid, everything else as ordinary tables. The only SQL stands here."""
