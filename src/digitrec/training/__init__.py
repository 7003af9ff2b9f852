"""From labelled data to a model file. Importing its modules imports Keras."""
