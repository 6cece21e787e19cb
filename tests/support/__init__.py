"""What several rooms of tests share. `from support.service import serving` is the place to begin."""
