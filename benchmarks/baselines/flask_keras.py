"""The usual demo: Flask, one worker, Keras's `model.predict` for each request.

gunicorn --workers 1 flask_keras:app
"""

import os

import keras
from flask import Flask, jsonify, request

from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.ops import disable_opencv_threads

disable_opencv_threads()  # as digitrec's own server has it

app = Flask(__name__)
model = keras.models.load_model(os.environ["MODEL_H5"], compile=False)


@app.post("/predict")
def predict():
    """Answer the digit in the form's file."""
    ink = normalize(decode(request.files["image"].read()))
    probabilities = model.predict(ink.reshape(1, 28, 28, 1), verbose=0)[0]
    return jsonify(digit=int(probabilities.argmax()), probabilities=probabilities.tolist())
