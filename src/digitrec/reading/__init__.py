"""Reading numbers: finding the lines of an image, decoding what the line model sees in them, and how sure it is."""
