"""Reading numbers: finding the lines of an image, decoding what the line reader sees in them, and how sure it is."""
