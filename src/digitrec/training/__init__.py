"""Train the networks and write their model files. Importing these modules imports Keras."""
