"""ONNX Runtime behind FastAPI.

uvicorn --workers 2 fastapi_onnx:app
"""

import os
from typing import Annotated

import onnxruntime
from fastapi import FastAPI, File

from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.ops import disable_opencv_threads

disable_opencv_threads()  # as digitrec's own server has it

app = FastAPI()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1  # two workers share two cores
session = onnxruntime.InferenceSession(os.environ["MODEL_ONNX"], options, providers=["CPUExecutionProvider"])


@app.post("/predict")
def predict(image: Annotated[bytes, File()]) -> dict[str, int | list[float]]:
    """Answer the digit in the form's file; FastAPI runs plain functions in its threads."""
    ink = normalize(decode(image))
    probabilities = session.run(None, {"image": ink.reshape(1, 28, 28, 1)})[0][0]
    return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}
