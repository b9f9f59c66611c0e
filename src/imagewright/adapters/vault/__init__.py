"""Small values under lock: what is stored is sealed, wherever it stands."""
