"""The inputs of tests/test_attack.py: small on the wire and expensive to process."""
