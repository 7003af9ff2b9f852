"""What benchmarks/fuzz.py is made of: originals, mutations, and the process that is watched while it eats them."""
