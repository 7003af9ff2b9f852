"""Reading numbers: from the candidates of a picture to the best way through them, and how sure it is."""
