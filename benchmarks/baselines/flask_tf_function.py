"""The usual demo with a `tf.function`, traced once at the start.

gunicorn --workers 1 flask_tf_function:app
"""

import os

import keras
import numpy as np
import tensorflow as tf
from flask import Flask, jsonify, request

from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.ops import disable_opencv_threads

disable_opencv_threads()  # as digitrec's own server has it

app = Flask(__name__)
model = keras.models.load_model(os.environ["MODEL_H5"], compile=False)


@tf.function(input_signature=[tf.TensorSpec((1, 28, 28, 1), tf.float32)])
def network(ink):
    """Run the network."""
    return model(ink, training=False)


network(np.zeros((1, 28, 28, 1), np.float32))


@app.post("/predict")
def predict():
    """Answer the digit in the form's file."""
    ink = normalize(decode(request.files["image"].read()))
    probabilities = network(ink.reshape(1, 28, 28, 1)).numpy()[0]
    return jsonify(digit=int(probabilities.argmax()), probabilities=probabilities.tolist())
