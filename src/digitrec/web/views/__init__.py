"""What is asked becomes an answer: pictures, digits, numbers, and the Open Inference Protocol."""
