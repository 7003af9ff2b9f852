"""The inputs of benchmarks/attack.py: small on the wire and expensive to process."""
