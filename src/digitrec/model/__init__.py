"""The networks: Keras builders, the model file, and inference with LiteRT."""
