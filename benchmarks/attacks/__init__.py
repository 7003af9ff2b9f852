"""What benchmarks/attack.py sends: inputs made to cost far more than they weigh."""
