"""The usual demo: Flask, one worker, and Keras's `model.predict`, or a `tf.function` that is traced at the start.

gunicorn --workers 1 "flask_keras:create_app('predict')"
gunicorn --workers 1 "flask_keras:create_app('tf_function')"
"""

import os

import keras
import numpy as np
import tensorflow as tf
from flask import Flask, jsonify, request

from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.ops import disable_opencv_threads


def create_app(method: str) -> Flask:
    """Return an application with one endpoint, /predict, with an image as its form's file."""
    disable_opencv_threads()  # as digitrec's own server has it
    app = Flask(__name__)
    model = keras.models.load_model(os.environ["MODEL_H5"], compile=False)
    if method == "tf_function":
        traced = tf.function(model, input_signature=[tf.TensorSpec((1, 28, 28, 1), tf.float32)])
        traced(np.zeros((1, 28, 28, 1), np.float32))

    @app.post("/predict")
    def predict():
        image = normalize(decode(request.files["image"].read())).reshape(1, 28, 28, 1)
        output = traced(image).numpy() if method == "tf_function" else model.predict(image, verbose=0)
        probabilities = output[0]
        return jsonify(digit=int(probabilities.argmax()), probabilities=probabilities.tolist())

    return app
